"use strict";

// -- mathematics that the network's step uses -----------------------------------------------------------------------

/** out = x @ W, where x has rows of k numbers. Eight rows of W at a time: fewer loads and stores of out. */
function multiply(out, x, W, k) {
  const rows = x.length / k, n = out.length / rows;
  out.fill(0);
  for (let r = 0; r < rows; r++) {
    const to = r * n, from = r * k;
    let i = 0;
    for (; i + 8 <= k; i += 8) {
      const at = from + i, a = x[at], b = x[at + 1], c = x[at + 2], d = x[at + 3];
      const e = x[at + 4], f = x[at + 5], g = x[at + 6], h = x[at + 7];
      if (!(a || b || c || d || e || f || g || h)) continue; // most of a one-hot row
      const A = i * n, B = A + n, C = B + n, D = C + n, E = D + n, F = E + n, G = F + n, H = G + n;
      for (let j = 0; j < n; j++) {
        out[to + j] += a * W[A + j] + b * W[B + j] + c * W[C + j] + d * W[D + j]
          + e * W[E + j] + f * W[F + j] + g * W[G + j] + h * W[H + j];
      }
    }
    for (; i < k; i++) {
      const a = x[from + i], A = i * n;
      for (let j = 0; j < n; j++) out[to + j] += a * W[A + j];
    }
  }
}

function transpose(out, matrix, rows, columns) {
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = matrix[i * columns + j];
}

function sumRows(out, matrix) {
  const n = matrix.length / out.length;
  for (let i = 0; i < out.length; i++) out[i] = matrix.subarray(i * n, (i + 1) * n).reduce((sum, x) => sum + x, 0);
}

const rowOf = (matrix, width, row) => matrix.subarray(row * width, (row + 1) * width);
const oneHot = (width, at) => Float32Array.from({ length: width }, (_, i) => Number(i === at));
const clip = (x, low, high) => Math.min(Math.max(x, low), high);
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

// -- numpy's random numbers -----------------------------------------------------------------------------------------

/** What numpy.random.default_rng(seed) draws: SeedSequence (after O'Neill's seed_seq_fe128) and PCG64 (O'Neill 2014). */
class Random {
  constructor(seed) {
    const words = [];
    for (let left = BigInt(seed); left > 0n || !words.length; left >>= 32n) words.push(Number(left & 0xffffffffn));
    const [a, b, c, d] = Random.spread(words, 8);
    this.increment = ((((c << 64n) | d) << 1n) | 1n) & Random.mask;
    this.state = 0n;
    this.advance();
    this.state += (a << 64n) | b;
    this.advance();
    this.kept = null; // half of a 64-bit number
  }

  /** Return 64-bit numbers, of n 32-bit words, made from the seed's words. */
  static spread(words, n) {
    let multiplier = 0x43b0d7e5;
    const hash = (value, factor) => {
      value ^= multiplier;
      multiplier = Math.imul(multiplier, factor);
      value = Math.imul(value, multiplier);
      return value ^ (value >>> 16);
    };
    const mix = (x, y) => {
      const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
      return value ^ (value >>> 16);
    };
    const pool = [0, 1, 2, 3].map((i) => hash(words[i] ?? 0, 0x931e8875));
    for (let from = 0; from < 4; from++) {
      for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from], 0x931e8875));
    }
    for (const word of words.slice(4)) {
      for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(word, 0x931e8875));
    }
    multiplier = 0x8b51f9dd;
    const made = Array.from({ length: n }, (_, i) => BigInt(hash(pool[i % 4], 0x58f38ded) >>> 0));
    return Array.from({ length: n / 2 }, (_, i) => made[2 * i] | (made[2 * i + 1] << 32n));
  }

  advance() {
    this.state = (this.state * 0x2360ed051fc65da44385df649fccf645n + this.increment) & Random.mask;
  }

  bits64() {
    this.advance();
    const mixed = ((this.state >> 64n) ^ this.state) & 0xffffffffffffffffn;
    const turn = this.state >> 122n;
    return ((mixed >> turn) | (mixed << (64n - turn))) & 0xffffffffffffffffn;
  }

  bits32() {
    if (this.kept === null) {
      const both = this.bits64();
      this.kept = Number(both >> 32n);
      return Number(both & 0xffffffffn);
    }
    const kept = this.kept;
    this.kept = null;
    return kept;
  }

  /** As random(dtype=float32). */
  float32() {
    return (this.bits32() >>> 8) / 2 ** 24;
  }

  /** As random(). */
  float64() {
    return Number(this.bits64() >> 11n) / 2 ** 53;
  }

  /** As integers(n), by Lemire's method. */
  below(n) {
    let product = BigInt(this.bits32()) * BigInt(n);
    const least = BigInt(2 ** 32 % n);
    while ((product & 0xffffffffn) < least) product = BigInt(this.bits32()) * BigInt(n);
    return Number(product >> 32n);
  }
}
Random.mask = (1n << 128n) - 1n;

// -- writing --------------------------------------------------------------------------------------------------------

/** Parameters by name, from float16 in base64. */
function unpack(base64, shapes) {
  const bits = new Uint16Array(Uint8Array.from(atob(base64), (ch) => ch.charCodeAt(0)).buffer);
  const numbers = Float32Array.from(bits, (half) => {
    const exponent = (half >> 10) & 31, fraction = half & 1023;
    return (half >> 15 ? -1 : 1) * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
  });
  const parameters = {};
  let at = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const size = shape.reduce((a, b) => a * b, 1);
    parameters[name] = numbers.subarray(at, (at += size));
  }
  return parameters;
}

/** A model in the act of writing, as `Sampler` and `write_documents` in charrnn/generation. */
class Writer {
  constructor(model, { prompt, seed, temperature, labels = [] }) {
    this.model = model;
    this.random = new Random(seed);
    this.inverse = Math.fround(1 / temperature);
    this.odds = new Float32Array(model.chars.length);
    this.reads = new Map();
    this.condition = new Float32Array(model.width);
    labels.forEach((label, column) => {
      const vector = rowOf(model.parameters[`Y${column}`], model.width, label);
      for (let i = 0; i < model.width; i++) this.condition[i] += vector[i];
    });
    this.states = model.network.blank();
    let symbols = Array.from(prompt, (ch) => model.symbols.get(ch) ?? 0);
    if (prompt === "\n" && !model.newlines) symbols = [];
    // What a labelled document begins with is up to the model.
    if (!symbols.length && !labels.some((label) => label > 0)) symbols = [this.first()];
    this.prompt = symbols.map((symbol) => model.chars[symbol]).join("");
    if (model.ends.length) this.read(model.ends[0]); // documents follow the symbol that they begin with
    for (const symbol of symbols) this.read(symbol);
  }

  read(symbol) {
    if (!this.reads.has(symbol)) this.reads.set(symbol, this.model.network.read(symbol, this.condition));
    [this.logits, this.states] = this.model.network.step(this.reads.get(symbol), this.states);
  }

  /** Draw a symbol to begin with, as often as lines or documents do, as numpy's choice draws. */
  first() {
    const { firsts, others } = this.model;
    if (!firsts.length) return others[others.length > 1 ? this.random.below(others.length) : 0];
    const total = firsts.reduce((sum, [, n]) => sum + n, 0);
    const u = this.random.float64();
    let running = 0;
    for (const [symbol, n] of firsts) if ((running += n / total) > u) return symbol;
    return firsts[firsts.length - 1][0];
  }

  /** Write one character; null at the end of a document. */
  next() {
    const symbol = this.draw(this.random.float32());
    if (this.model.ends.includes(symbol)) return null;
    this.read(symbol);
    return this.model.chars[symbol];
  }

  /** Return the first symbol whose cumulative probability exceeds u, in the arithmetic of the kernels: float32. */
  draw(u) {
    const { logits, odds, inverse } = this, V = logits.length, skip = this.model.skip;
    let best = skip, total = 0;
    for (let j = skip + 1; j < V; j++) if (logits[j] > logits[best]) best = j;
    for (let j = skip; j < V; j++) {
      odds[j] = Math.exp(Math.fround(Math.fround(logits[j] - logits[best]) * inverse));
      total = Math.fround(total + odds[j]);
    }
    const threshold = Math.fround(u * total);
    let running = 0;
    for (let j = skip; j < V; j++) if ((running = Math.fround(running + odds[j])) > threshold) return j;
    return best;
  }
}

/** Make the model that the page holds. */
function loadModel(record, weights) {
  const parameters = unpack(weights, record.shapes);
  const known = record.chars.map((_, symbol) => symbol).filter((symbol) => symbol && !record.ends.includes(symbol));
  const others = known.filter((symbol) => record.chars[symbol] !== "\n");
  return {
    ...record,
    parameters,
    symbols: new Map([0, ...known].map((symbol) => [record.chars[symbol], symbol])),
    others: others.length ? others : known,
    network: network(parameters),
  };
}
