// What: Events, what the switch tells the control plane of its own accord: packet-ins and removed flows, in a ring of
// bounded number and size. Why: a reader that is slow or absent costs the switch neither memory nor time; what it
// missed is counted. Who: bridges push, switch.ts lists.
// Invariant: sequences are those of the pushes, without gaps; the oldest events go first when there is no room.

import type { EventPage, SwitchEvent } from '../../api.ts';

/** An event before it is numbered. */
export type NewEvent = SwitchEvent extends infer E
  ? E extends SwitchEvent
    ? Omit<E, 'sequence'>
    : never
  : never;

const MAX_EVENTS = 16_384;
const MAX_BYTES = 16 * 1024 * 1024;
/** Bytes that an event counts for besides its frame. */
const EVENT_BYTES = 256;
/** Bounds of one answer. */
const PAGE_EVENTS = 1000;
const PAGE_BYTES = 1024 * 1024;

export class Events {
  /** Events that were given up before anybody had fetched them. */
  lost = 0;
  private ring: (SwitchEvent | undefined)[] = [];
  private lastSequence = 0;
  private firstSequence = 1;
  private bytes = 0;
  private fetchedSequence = 0;

  push(event: NewEvent): void {
    const sequence = ++this.lastSequence;
    const numbered = { ...event, sequence } as SwitchEvent;
    this.ring[sequence % MAX_EVENTS] = numbered;
    this.bytes += sizeOf(numbered);
    while (sequence - this.firstSequence >= MAX_EVENTS - 1 || this.bytes > MAX_BYTES) this.giveUpOldest();
  }

  /** Events after `after`, oldest first, as many as fit into one answer. */
  list(after: number): EventPage {
    const from = Math.max(Math.floor(after), 0) + 1;
    const first = Math.max(from, this.firstSequence);
    const events: SwitchEvent[] = [];
    let bytes = 0;
    let sequence = first;
    for (; sequence <= this.lastSequence && events.length < PAGE_EVENTS && bytes < PAGE_BYTES; sequence++) {
      const event = this.ring[sequence % MAX_EVENTS]!;
      events.push(event);
      bytes += sizeOf(event);
    }
    const next = sequence - 1;
    this.fetchedSequence = Math.max(this.fetchedSequence, Math.min(next, this.lastSequence));
    // A reader that is ahead of us saw another switch: it starts over.
    if (from > this.lastSequence + 1) return { events: [], next: this.lastSequence, lost: 0 };
    return { events, next, lost: first - from };
  }

  private giveUpOldest(): void {
    const index = this.firstSequence % MAX_EVENTS;
    this.bytes -= sizeOf(this.ring[index]!);
    this.ring[index] = undefined;
    if (this.firstSequence > this.fetchedSequence) this.lost++;
    this.firstSequence++;
  }
}

function sizeOf(event: SwitchEvent): number {
  return event.kind === 'packet-in' ? EVENT_BYTES + event.data.length + event.userdata.length : EVENT_BYTES;
}
