// What: HashChains, from a hash to the numbers that were entered under it. Why: records that many translations share
// are found by what they hold, without a string or an object as their key. Who: effects.ts.
// How: chained hashing over columns; a number is a row of them. Walk a chain like this:
//   for (n = chains.first(hash); n !== 0; n = chains.next[n]) if (chains.hashes[n] === hash) …
// Invariant: number 0 is none.

const FIRST_CAPACITY = 64;

export class HashChains {
  hashes = new Int32Array(FIRST_CAPACITY);
  /** The next number in the same chain, or 0. */
  next = new Int32Array(FIRST_CAPACITY);
  /** The first number of each chain: as many chains as rows, a power of two. */
  private heads = new Int32Array(FIRST_CAPACITY);

  /** The first number that may have been entered under a hash, or 0. */
  first(hash: number): number {
    return this.heads[hash & (this.heads.length - 1)]!;
  }

  /** Enters a number, which is not entered yet. */
  add(number: number, hash: number): void {
    if (number >= this.heads.length) this.grow(number);
    this.hashes[number] = hash;
    this.link(number);
  }

  /** Takes a number out that is entered. */
  remove(number: number): void {
    const { next, heads } = this;
    const chain = this.hashes[number]! & (heads.length - 1);
    if (heads[chain] === number) {
      heads[chain] = next[number]!;
    } else {
      let before = heads[chain]!;
      while (next[before] !== number) before = next[before]!;
      next[before] = next[number]!;
    }
    next[number] = 0;
  }

  private link(number: number): void {
    const chain = this.hashes[number]! & (this.heads.length - 1);
    this.next[number] = this.heads[chain]!;
    this.heads[chain] = number;
  }

  private grow(number: number): void {
    let { length } = this.heads;
    const entered: number[] = [];
    for (const head of this.heads) for (let n = head; n !== 0; n = this.next[n]!) entered.push(n);
    while (length <= number) length *= 2;
    this.hashes = resized(this.hashes, length);
    this.next = resized(this.next, length);
    this.heads = new Int32Array(length);
    for (const each of entered) this.link(each);
  }
}

function resized(column: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(column);
  return larger;
}
