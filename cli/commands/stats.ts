// What: dump-ports, dump-ports-desc, drops: what the ports are and what they counted. Who: program.ts.

import type { Command } from 'commander';
import { PortService, StatsService } from '../../src/generated/services.ts';
import { formatDrops } from '../format/drops.ts';
import { dropJson, portJson, portStatsJson } from '../format/json.ts';
import { matchesPort } from '../format/port-number.ts';
import { formatPortDescriptions, formatPortStats } from '../format/ports.ts';
import { action, type Session } from '../session.ts';

export function addStatsCommands(program: Command): void {
  program
    .command('dump-ports')
    .description('print the counters of the ports of a bridge')
    .argument('[bridge]', 'name of the bridge')
    .argument('[port]', 'name or number of one port')
    .action(action(dumpPorts));
  program
    .command('dump-ports-desc')
    .description('print what the ports of a bridge are')
    .argument('[bridge]', 'name of the bridge')
    .argument('[port]', 'name or number of one port')
    .action(action(dumpPortsDescription));
  program
    .command('drops')
    .description('print how many frames were dropped, where and why')
    .argument('[bridge]', 'name of the bridge (default: all bridges)')
    .action(action(drops));
}

async function dumpPorts(session: Session, args: string[]): Promise<void> {
  const { bridge, argument: port } = await session.bridgeAndOptional(args);
  const { ports } = await session.client.call(StatsService.listPortStats, { bridge: bridge || 'br0', port });
  await session.answer(ports.map(portStatsJson), () => formatPortStats(ports));
}

async function dumpPortsDescription(session: Session, args: string[]): Promise<void> {
  const { bridge, argument: wanted } = await session.bridgeAndOptional(args);
  const { ports } = await session.client.call(PortService.listPorts, { bridge: bridge || 'br0' });
  const selected = wanted === '' ? ports : ports.filter((port) => matchesPort(port, wanted));
  if (selected.length === 0) throw new Error(`no port named ${wanted}`);
  await session.answer(selected.map(portJson), () => formatPortDescriptions(selected));
}

async function drops(session: Session, args: string[]): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const { drops: found } = await session.client.call(StatsService.listDrops, { bridge });
  await session.answer(found.map(dropJson), () => formatDrops(found));
}
