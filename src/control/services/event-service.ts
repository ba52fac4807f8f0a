// What: events, see proto/tsswitch/v1/event.proto. Who: grpc-server.ts serves it. The datapath keeps a bounded number
// of events; whoever follows them asks for new ones in intervals.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DatapathClient,
  type FlowRemovedReason,
  SwitchError,
  type SwitchEvent,
} from '../../datapath/index.ts';
import { type EventService, tsswitch } from '../../generated/services.ts';
import type { SwitchConfiguration } from '../switch-configuration.ts';
import { flowMessage } from './flow-service.ts';
import type { Handlers } from './handlers.ts';

const { FlowRemovedReason: RemovedReasons } = tsswitch.v1;

const POLL_MS = 20;
/** Events in one message: a frame in each would make it megabytes. */
const EVENTS_AT_ONCE = 100;

const REMOVED_REASONS: Record<FlowRemovedReason, tsswitch.v1.FlowRemovedReason> = {
  idle_timeout: RemovedReasons.FLOW_REMOVED_REASON_IDLE_TIMEOUT,
  hard_timeout: RemovedReasons.FLOW_REMOVED_REASON_HARD_TIMEOUT,
  delete: RemovedReasons.FLOW_REMOVED_REASON_DELETE,
  group_delete: RemovedReasons.FLOW_REMOVED_REASON_GROUP_DELETE,
  eviction: RemovedReasons.FLOW_REMOVED_REASON_EVICTION,
  meter_delete: RemovedReasons.FLOW_REMOVED_REASON_METER_DELETE,
};

export function eventService(
  configuration: SwitchConfiguration,
  datapath: DatapathClient,
): Handlers<typeof EventService> {
  return {
    async *listEvents({ bridge, after, follow, onlyNew }, ended) {
      if (bridge !== '' && !configuration.bridges().some(({ name }) => name === bridge)) {
        throw new SwitchError('not-found', `no bridge named ${bridge}`);
      }
      let last = onlyNew ? await lastSequence(datapath) : after;
      for (;;) {
        const { events, next, lost } = await datapath.listEvents(last);
        last = next;
        const wanted = events.filter((event) => bridge === '' || event.bridge === bridge);
        for (let at = 0; at < wanted.length; at += EVENTS_AT_ONCE) {
          const part = wanted.slice(at, at + EVENTS_AT_ONCE);
          yield { events: part.map(eventMessage), lostCount: at === 0 ? lost : 0 };
        }
        if (events.length > 0) continue;
        if (!follow || ended.aborted) return;
        await sleep(POLL_MS, undefined, { signal: ended }).catch(() => {});
      }
    },
  };
}

async function lastSequence(datapath: DatapathClient): Promise<number> {
  for (let last = 0; ; ) {
    const { events, next } = await datapath.listEvents(last);
    if (events.length === 0) return next;
    last = next;
  }
}

function eventMessage(event: SwitchEvent): tsswitch.v1.IEvent {
  const { sequence, bridge, timeMs } = event;
  const common = { sequence, bridge, timeMs };
  if (event.kind === 'packet-in') {
    const { reason, tableId, cookie, inPort, controllerId, totalLength, data, userdata, metadata } = event;
    const about = { reason, tableId, cookie, inPort, controllerId };
    return { ...common, packetIn: { ...about, totalLengthBytes: totalLength, data, userdata, metadata } };
  }
  const removed = { reason: REMOVED_REASONS[event.reason], flow: flowMessage(event.flow) };
  return { ...common, flowRemoved: removed };
}
