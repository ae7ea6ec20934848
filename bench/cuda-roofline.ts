// The least time that a training iteration can take on a card: bytes over its memory's speed, instructions over its
// arithmetic's, whichever is longer. Counted for dns_decay u, 3,900 Gaussians after 20 iterations: 1.05 M samples, of which
// the forward kernel, run in the tests' emulation, computes 42.6 M pairs. No times: what a kernel reaches of this only
// a card can say.
const samples = 128 * 128 * 64;
const gaussians = 3900;
const pairs = 42.6e6;

// [per pair: instructions, a fused multiply-add is one] [per sample: bytes that must come from or go to memory]
// forward: sub, fma, fma, fma, max, mul, mul, fma, add and two for x; backward: the same up to q, then the 13 sums of
// a column, and 75 for a fold into moments per 16 steps, of which about half lie in reached parts.
const kernels = [
  { name: 'forward (compare)', instructions: pairs * 11, bytes: samples * 21 },
  { name: 'backward (moments)', instructions: pairs * (31 + 75 / 8), bytes: samples * 12 },
  { name: 'lists, sort, step', instructions: gaussians * 40_000, bytes: gaussians * 2000 },
];

// Vendors' data sheets: single precision without tensor cores, T fused multiply-adds per second; GB/s.
const cards: [string, number, number][] = [
  ['T4 (sm_75)', 4.05, 320],
  ['A100 40 GB (sm_80)', 9.75, 1555],
  ['RTX 4090 (sm_89)', 41.3, 1008],
  ['H100 SXM (sm_90)', 33.5, 3350],
];

console.log(`| kernel | G instructions | MB | ${cards.map(([name]) => name).join(' | ')} |`);
console.log(`| --- | --- | --- | ${cards.map(() => '---').join(' | ')} |`);
const total = cards.map(() => 0);
for (const k of kernels) {
  const times = cards.map(([, rate, bandwidth], c) => {
    const us = Math.max(k.instructions / (rate * 1e6), k.bytes / (bandwidth * 1e3));
    total[c] = (total[c] ?? 0) + us;
    return `${us.toFixed(0)} µs`;
  });
  console.log(
    `| ${k.name} | ${(k.instructions * 1e-9).toFixed(2)} | ${(k.bytes * 1e-6).toFixed(1)} | ${times.join(' | ')} |`,
  );
}
console.log(`| iteration, at least | | | ${total.map((us) => `${us.toFixed(0)} µs`).join(' | ')} |`);
