// What: outputsOf, the ports in a text of datapath actions, in one order whatever the order of floods. Why: two switches
// that send the same frames may change headers in different ways before (a copy, or a change and its undoing). Who:
// xlate.ovs.test.ts; bytes are compared by the oracle tests.

/** Actions that send nothing. */
const CHANGES =
  /(^|[,(])((?!clone|gt|le|check_pkt_len|userspace|recirc)[a-z_]+\((?:[^()]|\([^()]*\))*\)|pop_vlan),?/g;
const PACKET_IN = /userspace\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/g;

/** Ports, `packet-in`, `recirc`, and branches with the same in them; '' for a drop. */
export function outputsOf(actions: string): string {
  let text = actions;
  for (let shorter = text.replace(CHANGES, '$1'); shorter !== text; shorter = text.replace(CHANGES, '$1'))
    text = shorter;
  text = text
    .replace(PACKET_IN, 'packet-in')
    .replace(/recirc\([^)]*\)/g, 'recirc')
    .replace(/size=\d+,/g, '')
    // LOCAL: Open vSwitch shows the port of the datapath, we show that of OpenFlow.
    .replace(/\b65534\b/g, '100')
    .replace(/clone\(([^()]*)\)/g, '$1')
    .replace(/,+/g, ',')
    .replace(/\(,/g, '(')
    .replace(/,\)/g, ')');
  return sorted(text);
}

function sorted(list: string): string {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of `${list},`) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char !== ',' || depth > 0) {
      part += char;
      continue;
    }
    const nested = /^([a-z_]+)\((.*)\)$/.exec(part);
    parts.push(nested ? `${nested[1]}(${sorted(nested[2]!)})` : part);
    part = '';
  }
  return parts
    .filter((name) => name !== '' && name !== 'drop' && name !== 'check_pkt_len(gt(),le())')
    .sort()
    .join();
}
