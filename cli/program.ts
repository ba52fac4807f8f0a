// What: the command line as commander knows it: global options, help, and all command families. Who: run.ts, and
// the test that holds the help text.

import { Command, Option } from 'commander';
import { programVersion } from '../src/control/version.ts';
import { addBridgeCommands } from './commands/bridge.ts';
import { addDaemonCommands } from './commands/daemon.ts';
import { addEventCommands } from './commands/event.ts';
import { addFdbCommands } from './commands/fdb.ts';
import { addFlowCommands } from './commands/flow.ts';
import { addFlowFileCommands } from './commands/flow-file.ts';
import { addGroupCommands } from './commands/group.ts';
import { addMeterCommands } from './commands/meter.ts';
import { addPortCommands } from './commands/port.ts';
import { addShowCommand } from './commands/show.ts';
import { addStatsCommands } from './commands/stats.ts';
import { addTableCommands } from './commands/table.ts';
import { addTraceCommands } from './commands/trace.ts';

const EXAMPLES = `
Examples:
  tsswitch start --detach              start a switch in the background
  tsswitch add-port veth1              attach a network device to the default bridge, br0
  tsswitch add-port tap0               create a tap device and attach it
  tsswitch add-flow 'priority=100,in_port=1,actions=output:2'
  tsswitch show                        bridges, ports, and what is wrong with them
  tsswitch trace 'in_port=1,icmp'      what the switch would do with such a frame, and why
  tsswitch dump-flows --json           any answer as JSON
  tsswitch stop

Commands that take a bridge use br0 unless --bridge names another. The order of ovs-vsctl and ovs-ofctl works as
well: tsswitch add-port br1 veth1, tsswitch dump-flows br1. Each command explains itself: tsswitch add-port --help.`;

/** Options that take the next word, whatever it is. */
const OPTIONS_WITH_VALUE = ['--socket', '--state', '--bridge', '-O', '--openflow'];
/** Options of commands that ovs-ofctl takes in front of the command. */
const COMMAND_OPTIONS = /^--(strict|bundle|readd|may-create|stats|no-stats|names|no-names|r?sort(=.*)?)$/;

/** Families of commands under the titles that the help gives them. */
const FAMILIES: readonly (readonly [string, ...((program: Command) => void)[]])[] = [
  ['The switch', addDaemonCommands, addShowCommand],
  ['Bridges and ports', addBridgeCommands, addPortCommands, addStatsCommands],
  ['Flows', addFlowCommands, addFlowFileCommands, addTableCommands],
  ['Groups and meters', addGroupCommands, addMeterCommands],
  ['What happens to frames', addTraceCommands, addEventCommands, addFdbCommands],
];

/** A fresh program; it throws CommanderError instead of ending the process. */
export function program(): Command {
  const root = new Command('tsswitch');
  root
    .description('A software switch: bridges, ports, OpenFlow-style flows.')
    .version(`tsswitch ${programVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .option('--socket <path>', 'socket of the switch (or TSSWITCH_SOCKET)')
    .option('--state <directory>', 'where the switch keeps its state (or TSSWITCH_STATE)')
    .option('--bridge <name>', 'bridge that is meant (default: br0)')
    .option('--json', 'print JSON')
    // All versions are spoken at once: ovs-ofctl's choice of one is accepted, and only parse-flow looks at it.
    .addOption(new Option('-O, --openflow <version>').hideHelp())
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true, helpWidth: 110, subcommandTerm })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  for (const [title, ...families] of FAMILIES) {
    root.commandsGroup(`${title}:`);
    for (const add of families) add(root);
    if (title === 'The switch') root.helpCommand('help [command]', 'explain a command');
  }
  return root;
}

/** A command in a list: how it is called. Its options stand in its own help, its other names nowhere. */
function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage().replace(/\[options\] ?/, '')}`.trimEnd();
}

/**
 * Arguments as commander takes them. Options of a command may stand in front of it, as in `ovs-ofctl --strict del-flows`;
 * and --sort alone does not take the next word for the name of a field.
 */
export function commandLine(args: readonly string[]): string[] {
  const words = args.map((word) => (word === '--sort' || word === '--rsort' ? `${word}=priority` : word));
  const own: string[] = [];
  const moved: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith('-')) return [...own, word, ...moved, ...words.slice(at + 1)];
    if (OPTIONS_WITH_VALUE.includes(word)) own.push(word, ...words.slice(++at, at + 1));
    else (COMMAND_OPTIONS.test(word) ? moved : own).push(word);
  }
  return [...own, ...moved];
}
