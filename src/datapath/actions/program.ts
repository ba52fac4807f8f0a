// What: a datapath program: what is done to the frames of one flow, as a flat row of Int32. Why: the translation
// makes it once, the datapath carries it out per frame without allocation, and `dump-datapath-flows` and `trace`
// print the very same thing. Who: ofproto/xlate writes it through ProgramBuilder, dp carries it out (execute.ts),
// format-program.ts prints it.
//
// A program is a sequence of operations; each begins with its code and has a fixed number of operands, but for those
// that carry a nested program of `length` Int32:
//
//   OUTPUT port                       send to the datapath port of that index (TO_INGRESS: where the frame came from)
//   FLOOD port                        the same, left out while that port is not usable or is where the frame came from
//   SET word value mask               write the bits of `mask` of a word of the key into the frame
//   PUSH_VLAN tpid tci                a new outermost tag; VLAN_PRESENT in tci is ignored
//   POP_VLAN
//   PUSH_MPLS lse ethType             a new outermost label stack entry
//   POP_MPLS ethType                  without the outermost entry; ethType is that of what remains
//   TRUNCATE length                   the next OUTPUT or PACKET_IN sends at most that many bytes
//   METER meter                       ends the program (drop `meter-exceeded`) when the band drops the frame
//   PACKET_IN spec                    a copy to the control plane; `spec` indexes what the pipeline knows of it
//   CLONE length program              carry out the nested program on a copy
//   SAMPLE probability length program the same for a share of `probability` / 2^32 (unsigned) of the frames
//   CHECK_LENGTH size above below …   the nested program of `above` Int32 for frames longer than size, else the one of `below`
//   RECIRCULATE id                    look the frame up again, as it is now, with recirc_id = id
//   DROP reason                       counted drop (index in drop.ts); only where nothing was sent or packet-in'd
//   SAMPLED                           count a sampled frame

export const OP_OUTPUT = 1;
export const OP_FLOOD = 2;
export const OP_SET = 3;
export const OP_PUSH_VLAN = 4;
export const OP_POP_VLAN = 5;
export const OP_PUSH_MPLS = 6;
export const OP_POP_MPLS = 7;
export const OP_TRUNCATE = 8;
export const OP_METER = 9;
export const OP_PACKET_IN = 10;
export const OP_CLONE = 11;
export const OP_SAMPLE = 12;
export const OP_CHECK_LENGTH = 13;
export const OP_RECIRCULATE = 14;
export const OP_DROP = 15;
export const OP_SAMPLED = 16;

/** As the port of OP_OUTPUT: the port on which the frame came. */
export const TO_INGRESS = -1;

/** Most words that ProgramBuilder.put() writes. */
const MOST_WORDS = 4;

/** Collects a program. Nested programs are written in place: begin…() returns where, end() closes it. */
export class ProgramBuilder {
  private words = new Int32Array(64);
  private end = 0;

  get length(): number {
    return this.end;
  }

  clear(): void {
    this.end = 0;
  }

  /** Writes one to four words. No rest parameter: that would be an array for each call. */
  put(first: number, second?: number, third?: number, fourth?: number): void {
    if (this.end + MOST_WORDS > this.words.length) {
      const larger = new Int32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    const { words } = this;
    words[this.end++] = first;
    if (second === undefined) return;
    words[this.end++] = second;
    if (third === undefined) return;
    words[this.end++] = third;
    if (fourth !== undefined) words[this.end++] = fourth;
  }

  /** Writes an operation, with one operand or none before the length of a nested program, which follows until finish(). */
  begin(operation: number, operand?: number): number {
    this.put(operation, operand);
    this.put(0);
    return this.end;
  }

  /** Ends the nested program that began at `start`. */
  finish(start: number): void {
    this.words[start - 1] = this.end - start;
  }

  /** Writes a number over the one at `index`. */
  patch(index: number, word: number): void {
    this.words[index] = word;
  }

  at(index: number): number {
    return this.words[index]!;
  }

  /** Cuts the program back to `length`. */
  truncate(length: number): void {
    this.end = length;
  }

  /** The words themselves, of which the first `length` count, until the next put(). */
  get raw(): Int32Array {
    return this.words;
  }

  /** A copy of the program. */
  build(): Int32Array {
    return this.words.slice(0, this.end);
  }
}
