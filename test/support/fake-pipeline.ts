// What: FakePipeline, a Pipeline of a few rules over whole keys. Why: the fast path is tested and measured without flow
// tables: what each rule asks is known bit by bit, and all that is credited and released can be looked at. Who: tests
// of dp, and of the benchmark.
// A translation looks at the masks of all rules up to the one that matches, and at in_port, as a linear search does.

import { dropVerdict, type Programs } from '../../src/datapath/actions/verdict.ts';
import type { Pipeline, Translation } from '../../src/datapath/dp/upcall.ts';
import { KEY_IN_PORT, KEY_WORDS } from '../../src/datapath/flow/key.ts';

export interface FakeRule {
  /** KEY_WORDS words each; no bit of `value` is outside of `mask`. */
  value: Int32Array;
  mask: Int32Array;
  /** A drop, a port, or a program that `programs` holds. */
  verdict: number;
  dependencyA?: number;
  dependencyB?: number;
  touchSlot?: number;
  cacheable?: boolean;
}

/** A rule from words: `{ [KEY_NW_DST]: [value, mask] }`. */
export function fakeRule(
  words: Record<number, readonly [value: number, mask: number]>,
  verdict: number,
  more: Partial<FakeRule> = {},
): FakeRule {
  const value = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  for (const [index, [wordValue, wordMask]] of Object.entries(words)) {
    value[Number(index)] = wordValue & wordMask;
    mask[Number(index)] = wordMask;
  }
  return { value, mask, verdict, ...more };
}

let lastVersion = 0;

export class FakePipeline implements Pipeline {
  version = ++lastVersion;
  keyMask = new Int32Array(KEY_WORDS);
  readonly dependencyVersions = new Int32Array(8);
  readonly lastUsedMs = new Float64Array(8);
  rules: FakeRule[];
  /** What frames that no rule matches get. */
  readonly missVerdict = dropVerdict('table-miss');

  /** Calls of translate(). */
  translations = 0;
  /** By rule (rules.length: the miss): what was credited, and how many hold its effects, which are its index + 1. */
  packets: number[] = [];
  bytes: number[] = [];
  usedMs: number[] = [];
  held: number[] = [];
  readonly packetIns: { spec: number; ofport: number; frame: Uint8Array; maxLength: number }[] = [];

  private readonly programs: Programs | undefined;

  constructor(rules: FakeRule[] = [], programs?: Programs) {
    this.rules = rules;
    this.programs = programs;
  }

  /** Other rules, as a change of the flow table would bring. */
  change(rules: FakeRule[] = this.rules): void {
    this.rules = rules;
    this.version = ++lastVersion;
  }

  translate(key: Int32Array, at: number, _ingress: number, _nowMs: number, out: Translation): void {
    this.translations++;
    const { mask } = out;
    mask.fill(0);
    mask[KEY_IN_PORT] = -1;
    let index = 0;
    for (; index < this.rules.length; index++) {
      const rule = this.rules[index]!;
      let matches = true;
      for (let i = 0; i < KEY_WORDS; i++) {
        if (rule.mask[i] === 0) continue;
        mask[i]! |= rule.mask[i]!;
        if ((key[at + i]! & rule.mask[i]!) !== rule.value[i]) matches = false;
      }
      if (matches) break;
    }
    const rule = this.rules[index];
    out.verdict = rule?.verdict ?? this.missVerdict;
    this.programs?.hold(out.verdict);
    out.effects = index + 1;
    this.held[index] = (this.held[index] ?? 0) + 1;
    out.dependencyA = rule?.dependencyA ?? 0;
    out.dependencyB = rule?.dependencyB ?? 0;
    out.touchSlot = rule?.touchSlot ?? 0;
    out.cacheable = rule?.cacheable ?? true;
    this.widen(mask);
  }

  credit(effects: number, packets: number, bytes: number, usedMs: number): void {
    const index = effects - 1;
    this.packets[index] = (this.packets[index] ?? 0) + packets;
    this.bytes[index] = (this.bytes[index] ?? 0) + bytes;
    this.usedMs[index] = Math.max(this.usedMs[index] ?? 0, usedMs);
  }

  release(effects: number): void {
    this.held[effects - 1]!--;
  }

  packetIn(
    spec: number,
    ofport: number,
    view: DataView,
    offset: number,
    length: number,
    maxLength: number,
  ): void {
    const frame = new Uint8Array(view.buffer, view.byteOffset + offset, length).slice();
    this.packetIns.push({ spec, ofport, frame, maxLength });
  }

  /** Takes bits into the key mask, whole words of them. */
  private widen(mask: Int32Array): void {
    if (mask.every((bits, i) => bits === 0 || this.keyMask[i] === -1)) return;
    this.keyMask = this.keyMask.map((bits, i) => (mask[i] === 0 ? bits : -1));
  }
}
