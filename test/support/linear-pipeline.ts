// What: the plainest possible pipeline: each table is a list of flows, each lookup looks at every flow, each action is
// carried out as it is written, for each frame anew. Why: it is the oracle for classifier, translation and caches, too
// simple to be wrong. Who: test/datapath/pipeline.test.ts. It knows the actions of which linear tests are made.

import type { Action } from '../../src/datapath/actions/action.ts';
import { readBits, writeBits } from '../../src/datapath/flow/bits.ts';
import { extractKey } from '../../src/datapath/flow/extract.ts';
import { FIELD_BY_NAME } from '../../src/datapath/flow/fields.ts';
import {
  FLOW_WORDS,
  KEY_ACTSET_OUTPUT,
  KEY_NW,
  KEY_TP,
  NO_ACTSET_OUTPUT,
  NW_FRAG_ANY,
} from '../../src/datapath/flow/key.ts';
import { NO_PORTS } from '../../src/datapath/flow/port-number.ts';
import type { FlowMod } from '../../src/datapath/ofproto/entries/flow-mod.ts';
import { parseFlowMod } from '../../src/datapath/ofproto/text/flow-text.ts';

const METADATA = FIELD_BY_NAME.get('metadata')!;

export class LinearPipeline {
  readonly #flows: FlowMod[];
  readonly #ports: number;

  /** `ports`: the bridge has the ports 1 to this number. */
  constructor(flows: readonly string[], ports: number) {
    this.#flows = flows.map((flow) => parseFlowMod(flow, 'add', NO_PORTS));
    this.#ports = ports;
  }

  /** The ports that a frame leaves by, sorted; a port may stand in it more than once. */
  outputs(frame: Uint8Array, inPort: number): number[] {
    const key = new Int32Array(FLOW_WORDS);
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    extractKey(view, 0, frame.length, inPort, key, 0);
    key[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
    // The ports of fragments count as 0 (fragment handling "normal" of OpenFlow 1.3, 7.3.2).
    if (key[KEY_NW]! & NW_FRAG_ANY) key[KEY_TP] = 0;
    const sent: number[] = [];
    this.#table(0, key, inPort, sent);
    return sent.sort((a, b) => a - b);
  }

  #table(tableId: number, key: Int32Array, inPort: number, sent: number[]): void {
    let best: FlowMod | undefined;
    for (const flow of this.#flows) {
      if (flow.tableId !== tableId || (best && flow.priority <= best.priority)) continue;
      if (flow.match.accepts(key)) best = flow;
    }
    for (const action of best?.actions ?? []) this.#act(action, key, inPort, sent);
  }

  #act(action: Action, key: Int32Array, inPort: number, sent: number[]): void {
    switch (action.type) {
      case 'output':
        if (action.port !== inPort && action.port <= this.#ports) sent.push(action.port);
        return;
      case 'in_port':
        sent.push(inPort);
        return;
      case 'flood':
        for (let port = 1; port <= this.#ports; port++) if (port !== inPort) sent.push(port);
        return;
      case 'goto_table':
      case 'resubmit':
        this.#table(action.tableId, key, inPort, sent);
        return;
      case 'load': {
        const { field, offset, width } = action.target;
        writeBits(key, field.bit + field.width - offset - width, width, action.value);
        return;
      }
      case 'set_field': {
        const { bit, width } = action.field;
        writeBits(key, bit, width, (readBits(key, bit, width) & ~action.mask) | action.value);
        return;
      }
      case 'write_metadata': {
        const { bit, width } = METADATA;
        writeBits(key, bit, width, (readBits(key, bit, width) & ~action.mask) | action.value);
        return;
      }
      default:
        throw new Error(`the linear pipeline has no ${action.type}`);
    }
  }
}
