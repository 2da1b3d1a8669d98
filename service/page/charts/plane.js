// Planes of samples for D's surface: each has up to four patterns in its corners, and every sample has a place on it.

const PER_PLANE = 4;
const ROUNDS = 4; // of Newton's method, for planes that are bent
const STEPS = 8; // along the outline of a real region

/** The planes that show all patterns: one, or two for more than four. */
export const planesOf = (patterns) =>
  Array.from({ length: Math.ceil(patterns.length / PER_PLANE) }, (_, k) => new Plane(patterns.slice(k * PER_PLANE, (k + 1) * PER_PLANE)));

const distance = (a, b) => a.filter((bit, i) => bit !== b[i]).length;

/**
 * A value at (x, y) lies between the bits of the four corners: base + x * alongX + y * alongY + x * y * bend.
 * With one pattern, x is the value at each 1 and y at each 0.
 */
class Plane {
  constructor(patterns) {
    const bits = new Map(patterns.map((pattern) => [pattern, Array.from(pattern, Number)]));
    const [first, ...others] = patterns;
    const a = bits.get(first);
    others.sort((p, q) => distance(a, bits.get(q)) - distance(a, bits.get(p))); // the one that differs most is opposite
    const order = [first, ...others];
    const [, b = a.map((bit) => 1 - bit), c, d] = order.map((pattern) => bits.get(pattern));
    const upper = c ?? a.map((bit, i) => bit | b[i]);
    const lower = d ?? a.map((bit, i) => (c ? Math.min(Math.max(bit + b[i] - c[i], 0), 1) : bit & b[i]));
    this.base = lower;
    this.alongX = a.map((bit, i) => bit - lower[i]);
    this.alongY = b.map((bit, i) => bit - lower[i]);
    this.bend = upper.map((bit, i) => bit - a[i] - b[i] + lower[i]);
    this.patterns = order.map((name, k) => ({ name, corner: [[1, 0], [0, 1], [1, 1], [0, 0]][k] }));
  }

  value(i, x, y) {
    return this.base[i] + x * this.alongX[i] + y * this.alongY[i] + x * y * this.bend[i];
  }

  /** Each value as x, y, 1 − x, 1 − y, 0 or 1; null if one depends on both. */
  get letters() {
    if (this.bend.some(Boolean)) return null;
    const names = this.base.map((base, i) => (this.alongX[i] ? (base ? "1−x" : "x") : this.alongY[i] ? (base ? "1−y" : "y") : String(base)));
    return this.alongX.some((along, i) => along && this.alongY[i]) ? null : names;
  }

  /** The point of the plane nearest to a sample. */
  locate(samples, from) {
    let [x, y] = [0.5, 0.5];
    const rounds = this.bend.some(Boolean) ? ROUNDS : 1;
    for (let round = 0; round < rounds; round++) {
      let [xx, xy, yy, toX, toY] = [1e-9, 0, 1e-9, 0, 0];
      for (let i = 0; i < this.base.length; i++) {
        const dx = this.alongX[i] + y * this.bend[i];
        const dy = this.alongY[i] + x * this.bend[i];
        const rest = samples[from + i] - this.value(i, x, y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
        toX += dx * rest;
        toY += dy * rest;
      }
      const area = xx * yy - xy * xy;
      if (area < 1e-12) break;
      x = Math.min(Math.max(x + (yy * toX - xy * toY) / area, 0), 1);
      y = Math.min(Math.max(y + (xx * toY - xy * toX) / area, 0), 1);
    }
    return [x, y];
  }

  /** The outline of the real region at a corner: each point [u, v] is so far from the corner along x and along y. */
  outline([cornerX, cornerY], spread) {
    const differs = (x, y) => this.base.map((_, i) => Math.abs(this.value(i, x, y) - this.value(i, cornerX, cornerY)));
    const [acrossX, acrossY, across] = [differs(1 - cornerX, cornerY), differs(cornerX, 1 - cornerY), differs(1 - cornerX, 1 - cornerY)];
    const points = [[0, 0]];
    for (const u of [...Array.from({ length: STEPS + 1 }, (_, k) => (k / STEPS) * spread), 1]) {
      // At u, a value's distance from its bit rises from `near` at v = 0 to `far` at v = 1.
      const near = acrossX.map((flips) => u * flips);
      const far = acrossY.map((flips, i) => (1 - u) * flips + u * across[i]);
      if (near.some((value) => value > spread + 1e-9)) break;
      const reach = near.map((value, i) => (far[i] > spread ? (spread - value) / (far[i] - value) : 1));
      points.push([u, Math.max(Math.min(...reach), 0)]);
    }
    points.push([points.at(-1)[0], 0]);
    return points.map(([u, v]) => [cornerX ? 1 - u : u, cornerY ? 1 - v : v]);
  }
}
