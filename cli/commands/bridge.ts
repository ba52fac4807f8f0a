// What: add-br, del-br, list-br, as ovs-vsctl has them. Who: program.ts.

import type { Command } from 'commander';
import { BridgeService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { bridgeJson } from '../format/json.ts';
import { action, type Session } from '../session.ts';

const { FailMode } = tsswitch.v1;

export function addBridgeCommands(program: Command): void {
  program
    .command('add-br')
    .description('add a bridge')
    .argument('<name>', 'name of the bridge and of its local port')
    .option('--dpid <hex>', 'OpenFlow datapath id, 1 to 16 hexadecimal digits')
    .option('--fail-mode <mode>', 'standalone or secure')
    .option('--protocols <list>', 'OpenFlow versions, for example OpenFlow10,OpenFlow13')
    .option('--may-exist', 'succeed when the bridge exists')
    .action(action(addBridge));
  program
    .command('del-br')
    .description('delete a bridge and its ports')
    .argument('<name>', 'name of the bridge')
    .option('--if-exists', 'succeed when there is no such bridge')
    .action(action(deleteBridge));
  program.command('list-br').description('print the names of all bridges').action(action(listBridges));
}

interface AddBridgeOptions {
  dpid?: string;
  failMode?: string;
  protocols?: string;
  mayExist?: boolean;
}

async function addBridge(session: Session, [name]: string[], options: AddBridgeOptions): Promise<void> {
  const { bridge } = await session.client.call(BridgeService.addBridge, {
    name: name!,
    datapathId: options.dpid ?? '',
    failMode: failMode(options.failMode),
    protocols: options.protocols?.split(/[\s,]+/).filter((item) => item !== '') ?? [],
    mayExist: options.mayExist ?? false,
  });
  await session.answer(bridgeJson(bridge!), () => '');
}

function failMode(text: string | undefined): tsswitch.v1.FailMode {
  if (text === undefined) return FailMode.FAIL_MODE_UNSPECIFIED;
  if (text === 'standalone') return FailMode.FAIL_MODE_STANDALONE;
  if (text === 'secure') return FailMode.FAIL_MODE_SECURE;
  throw new UsageError(`--fail-mode is standalone or secure, not '${text}'`);
}

async function deleteBridge(
  session: Session,
  [name]: string[],
  options: { ifExists?: boolean },
): Promise<void> {
  const ifExists = options.ifExists ?? false;
  await session.client.call(BridgeService.deleteBridge, { name: name!, ifExists });
  await session.answer({}, () => '');
}

async function listBridges(session: Session): Promise<void> {
  const { bridges } = await session.client.call(BridgeService.listBridges, {});
  await session.answer(bridges.map(bridgeJson), () => bridges.map(({ name }) => `${name}\n`).join(''));
}
