// What: the command line as commander knows it: global options, help, and all command families. Who: main.ts, and
// the test that holds the help text.

import { Command } from 'commander';
import { programVersion } from '../src/control/version.ts';
import { addBridgeCommands } from './commands/bridge.ts';
import { addDaemonCommands } from './commands/daemon.ts';
import { addFdbCommands } from './commands/fdb.ts';
import { addFlowCommands } from './commands/flow.ts';
import { addPortCommands } from './commands/port.ts';
import { addShowCommand } from './commands/show.ts';
import { addStatsCommands } from './commands/stats.ts';

const EXAMPLES = `
Examples:
  tsswitch start --detach              start a switch in the background
  tsswitch add-port veth1              attach a network device to the default bridge, br0
  tsswitch add-port tap0               create a tap device and attach it
  tsswitch add-flow 'priority=100,in_port=1,actions=output:2'
  tsswitch show                        bridges, ports, and what is wrong with them
  tsswitch dump-flows --json           any answer as JSON
  tsswitch stop

Commands that take a bridge use br0 unless --bridge names another. The order of ovs-vsctl and ovs-ofctl works as
well: tsswitch add-port br1 veth1, tsswitch dump-flows br1. Each command explains itself: tsswitch add-port --help.`;

/** A fresh program; it throws CommanderError instead of ending the process. */
export function program(): Command {
  const root = new Command('tsswitch');
  root
    .description('A software switch: bridges, ports, OpenFlow-style flows.')
    .version(`tsswitch ${programVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand('help [command]', 'explain a command')
    .option('--socket <path>', 'socket of the switch (or TSSWITCH_SOCKET)')
    .option('--state <directory>', 'where the switch keeps its state (or TSSWITCH_STATE)')
    .option('--bridge <name>', 'bridge that is meant (default: br0)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true, helpWidth: 110 })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  const families = [
    addDaemonCommands,
    addBridgeCommands,
    addPortCommands,
    addShowCommand,
    addStatsCommands,
    addFlowCommands,
    addFdbCommands,
  ];
  for (const add of families) add(root);
  return root;
}
