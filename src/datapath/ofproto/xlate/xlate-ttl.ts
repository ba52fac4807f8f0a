// What: dec_ttl and dec_mpls_ttl. Why: a packet whose time to live has run out ends here, and the control plane hears of it.
// Who: xlate-actions.ts.

import { KEY_MPLS, KEY_NW } from '../../flow/key.ts';
import { ETH_TYPE_IPV4 } from '../../wire/ethernet.ts';
import { packetInExpired } from './xlate-output.ts';
import type { XlateState } from './xlate-state.ts';

const TTL_BITS = 0xff00;
const MPLS_TTL_BITS = 0xff;

/** False, as in a table of Open vSwitch: the TTL has run out, and the list ends. */
export function decrementTtl(x: XlateState, controllerIds: readonly number[]): boolean {
  const { frame } = x;
  if (!frame.isIp) return true;
  frame.look(KEY_NW, TTL_BITS);
  const word = frame.flow[KEY_NW]!;
  if ((word & TTL_BITS) <= 1 << 8) {
    packetInExpired(x, controllerIds);
    if (x.sink) {
      x.note('warn', `IPv${frame.type === ETH_TYPE_IPV4 ? 4 : 6} decrement TTL exception`);
    }
    x.refuse('invalid-ttl');
    return false;
  }
  frame.flow[KEY_NW] = word - (1 << 8);
  frame.written(KEY_NW, TTL_BITS);
  return true;
}

export function decrementMplsTtl(x: XlateState): boolean {
  const { frame } = x;
  if (frame.has('mpls')) {
    frame.look(KEY_MPLS, MPLS_TTL_BITS);
    const entry = frame.flow[KEY_MPLS]!;
    if ((entry & MPLS_TTL_BITS) > 1) {
      frame.flow[KEY_MPLS] = entry - 1;
      frame.written(KEY_MPLS, MPLS_TTL_BITS);
      return true;
    }
    packetInExpired(x, [0]);
  }
  // Open vSwitch ends the list for packets without a label, too.
  x.note('warn', 'MPLS decrement TTL exception');
  x.refuse('invalid-ttl');
  return false;
}
