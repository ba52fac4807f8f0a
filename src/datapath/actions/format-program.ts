// What: formatVerdict, the text of a verdict as Open vSwitch prints datapath actions: `push_vlan(vid=10,pcp=0),2`. Why:
// `trace` and `dump-datapath-flows` show what frames really get. Who: ofproto/trace, the listing of megaflows.
// A program sets words of the key; Open vSwitch sets headers. So the sets that follow each other are gathered and printed
// by header (format-set.ts).

import { ETH_TYPE_VLAN } from '../wire/ethernet.ts';
import { formatSets, gatherSet, type SetContext, setContext } from './format-set.ts';
import {
  OP_CHECK_LENGTH,
  OP_CLONE,
  OP_DROP,
  OP_FLOOD,
  OP_METER,
  OP_OUTPUT,
  OP_PACKET_IN,
  OP_POP_MPLS,
  OP_POP_VLAN,
  OP_PUSH_MPLS,
  OP_PUSH_VLAN,
  OP_RECIRCULATE,
  OP_SAMPLE,
  OP_SAMPLED,
  OP_SET,
  OP_TRUNCATE,
} from './program.ts';
import { isDrop, isSingleOutput, type Programs } from './verdict.ts';

/** What the text calls ports and packet-ins. */
export interface ProgramNames {
  /** The number or name of a datapath port; TO_INGRESS: of the one on which the frame came. */
  portNumber(index: number): number | string;
  /** The whole of `userspace(pid=0,controller(...))` for a spec of OP_PACKET_IN. */
  specText(spec: number): string;
}

/**
 * The datapath actions of a verdict, `drop` when there are none. `key` is that of the flow: what sets of addresses and
 * ports are called depends on its type and protocol.
 */
export function formatVerdict(
  verdict: number,
  programs: Programs,
  names: ProgramNames,
  key?: Int32Array,
): string {
  if (isDrop(verdict)) return 'drop';
  if (isSingleOutput(verdict)) return `${names.portNumber(verdict)}`;
  return formatProgram(programs.of(verdict), names, key);
}

/** The same for a program. */
export function formatProgram(program: Int32Array, names: ProgramNames, key?: Int32Array): string {
  return formatPart(program, 0, program.length, names, setContext(key));
}

function formatPart(
  program: Int32Array,
  from: number,
  end: number,
  names: ProgramNames,
  context: SetContext,
): string {
  const texts: string[] = [];
  const nested = (start: number, stop: number) => formatPart(program, start, stop, names, { ...context });
  let at = from;
  while (at < end) {
    const op = program[at]!;
    const operand = (index: number) => program[at + index]!;
    if (op === OP_SET) {
      gatherSet(context, operand(1), operand(2), operand(3));
      at += 4;
      continue;
    }
    texts.push(...formatSets(context));
    switch (op) {
      case OP_OUTPUT:
      case OP_FLOOD:
        texts.push(`${names.portNumber(operand(1))}`);
        at += 2;
        break;
      case OP_PUSH_VLAN:
        texts.push(formatPushVlan(operand(1), operand(2)));
        at += 3;
        break;
      case OP_POP_VLAN:
        texts.push('pop_vlan');
        at += 1;
        break;
      case OP_PUSH_MPLS:
        texts.push(`push_mpls(${formatLabel(operand(1))},eth_type=0x${operand(2).toString(16)})`);
        at += 3;
        break;
      case OP_POP_MPLS:
        context.type = operand(1);
        texts.push(`pop_mpls(eth_type=0x${operand(1).toString(16)})`);
        at += 2;
        break;
      case OP_TRUNCATE:
        texts.push(`trunc(${operand(1)})`);
        at += 2;
        break;
      case OP_METER:
        texts.push(`meter(${operand(1)})`);
        at += 2;
        break;
      case OP_PACKET_IN:
        texts.push(names.specText(operand(1)));
        at += 2;
        break;
      case OP_CLONE: {
        const next = at + 2 + operand(1);
        texts.push(`clone(${nested(at + 2, next)})`);
        at = next;
        break;
      }
      case OP_SAMPLE: {
        const next = at + 3 + operand(2);
        const percent = ((100 * (operand(1) >>> 0)) / 0xffff_ffff).toFixed(1);
        texts.push(`sample(sample=${percent}%,actions(${nested(at + 3, next)}))`);
        at = next;
        break;
      }
      case OP_CHECK_LENGTH: {
        const middle = at + 4 + operand(2);
        const next = middle + operand(3);
        texts.push(
          `check_pkt_len(size=${operand(1)},gt(${nested(at + 4, middle)}),le(${nested(middle, next)}))`,
        );
        at = next;
        break;
      }
      case OP_RECIRCULATE:
        texts.push(`recirc(0x${(operand(1) >>> 0).toString(16)})`);
        at += 2;
        break;
      case OP_DROP:
        texts.push('drop');
        at += 2;
        break;
      case OP_SAMPLED:
        texts.push('userspace(pid=0,flow_sample)');
        at += 1;
        break;
      default:
        throw new Error(`${op} is no operation of a datapath program`);
    }
  }
  texts.push(...formatSets(context));
  return texts.length === 0 ? 'drop' : texts.join(',');
}

/** Without `vid=` or `pcp=` it would be a tag of priority 0 in VLAN 0. */
function formatPushVlan(tpid: number, tci: number): string {
  const type = tpid === ETH_TYPE_VLAN ? '' : `tpid=0x${tpid.toString(16).padStart(4, '0')},`;
  return `push_vlan(${type}vid=${tci & 0xfff},pcp=${(tci >>> 13) & 7})`;
}

function formatLabel(entry: number): string {
  return `label=${entry >>> 12},tc=${(entry >>> 9) & 7},ttl=${entry & 0xff},bos=${(entry >>> 8) & 1}`;
}
