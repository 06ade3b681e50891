// Chance that can be repeated: STARLING_SEED sets where it begins, and whoever uses it prints it.
export class Random {
  static fromEnvironment() {
    return new Random(Number(process.env.STARLING_SEED ?? Math.floor(Math.random() * 1e9)));
  }

  constructor(seed) {
    this.seed = seed;
    this.state = seed >>> 0;
  }

  // mulberry32: 0 <= x < 1.
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let bits = this.state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  // A whole number, both ends included.
  between(first, last) {
    return first + Math.floor(this.next() * (last - first + 1));
  }

  of(list) {
    return list[this.between(0, list.length - 1)];
  }

  happens(probability) {
    return this.next() < probability;
  }
}
