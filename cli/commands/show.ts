// What: show, the overview that ovs-vsctl show gives. Who: program.ts.

import type { Command } from 'commander';
import { BridgeService, PortService, SwitchService } from '../../src/generated/services.ts';
import { bridgeJson, portJson } from '../format/json.ts';
import { formatOverview } from '../format/overview.ts';
import { action, type Session } from '../session.ts';

export function addShowCommand(program: Command): void {
  program
    .command('show')
    .description('print bridges and ports, and what is wrong with them')
    .action(action(show));
}

async function show(session: Session): Promise<void> {
  const [identity, { bridges }, { ports }] = await Promise.all([
    session.client.call(SwitchService.getSwitch, {}),
    session.client.call(BridgeService.listBridges, {}),
    session.client.call(PortService.listPorts, {}),
  ]);
  const value = {
    systemUuid: identity.systemUuid,
    version: identity.version,
    bridges: bridges.map((bridge) => ({
      ...bridgeJson(bridge),
      ports: ports.filter((port) => port.bridge === bridge.name).map(portJson),
    })),
  };
  await session.answer(value, () => formatOverview(identity, bridges, ports));
}
