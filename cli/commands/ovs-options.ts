// What: options of ovs-ofctl that say nothing new to tsswitch. Why: a script that was written for ovs-ofctl runs
// without changes. Who: the commands that take them. They do not stand in the help.

import { type Command, Option } from 'commander';

/** Accepts options that mean nothing here: everything is a transaction, and the switch speaks all versions at once. */
export function forOvs(command: Command, ...flags: ('--bundle' | '--readd' | '--strict')[]): Command {
  for (const flag of flags) command.addOption(new Option(flag).hideHelp());
  return command;
}
