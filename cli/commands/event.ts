// What: dump-events and monitor: packet-ins and removed flows, as `ovs-ofctl monitor` shows them. Who: program.ts.

import type { Command } from 'commander';
import { EventService, type ListEventsResponse } from '../../src/generated/services.ts';
import { formatEvent } from '../format/events.ts';
import { eventJson, jsonList } from '../format/json.ts';
import { action, type Session } from '../session.ts';

export function addEventCommands(program: Command): void {
  program
    .command('dump-events')
    .description('print the packet-ins and removed flows that the switch still keeps')
    .argument('[bridge]', 'name of the bridge (default: all bridges)')
    .option('--follow', 'go on with events as they happen')
    .action(
      action((session, args, { follow }: { follow?: boolean }) => events(session, args, follow, false)),
    );
  program
    .command('monitor')
    .description('print packet-ins and removed flows as they happen, until interrupted')
    .argument('[bridge]', 'name of the bridge (default: all bridges)')
    .action(action((session, args) => events(session, args, true, true)));
}

async function events(session: Session, args: string[], follow = false, onlyNew: boolean): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const replies = session.client.stream(EventService.listEvents, { bridge, follow, onlyNew });
  if (session.json && !follow) {
    for await (const text of jsonList(replies, (reply) => reply.events.map(eventJson))) {
      await session.print(text);
    }
    return;
  }
  for await (const reply of replies) await session.print(session.json ? jsonLines(reply) : textOf(reply));
}

/** What does not end is a value a line. */
function jsonLines({ events: found }: ListEventsResponse): string {
  return found.map((event) => `${JSON.stringify(eventJson(event))}\n`).join('');
}

function textOf({ events: found, lostCount }: ListEventsResponse): string {
  const lost = lostCount === 0 ? '' : `${lostCount} events were lost here: nobody fetched them in time.\n`;
  return lost + found.map(formatEvent).join('');
}
