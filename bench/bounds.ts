/** Strict error bounds: bytes beside SZ3 and SPERR at the same bound, alone and in streams, and speed beside zfp. */
import { extremes } from './bounds/extremes.js';
import { irregular } from './bounds/irregular.js';
import { models } from './bounds/models.js';
import { codec } from './bounds/shared.js';
import { singleSteps, unstructuredSteps } from './bounds/single.js';
import { planSpeed, speed } from './bounds/speed.js';
import { streams, wholeRuns } from './bounds/streams.js';
import { dataFolder } from './lib/data.js';
import { MEASURED, readPeers } from './lib/peers.js';
import { machine } from './lib/report.js';

const folder = dataFolder();
if (folder) {
  machine(codec.instructionSet());
  const peers = [...readPeers(folder), ...MEASURED];
  const only = process.argv.find((a) => a.startsWith('--only='))?.slice(7);
  const parts: Record<string, () => Promise<void>> = {
    single: () => singleSteps(folder, peers),
    unstructured: () => unstructuredSteps(folder, peers),
    irregular: () => irregular(folder, peers),
    streams: () => streams(folder, peers),
    files: () => wholeRuns(folder, peers),
    extremes: () => extremes(folder, peers),
    models: () => models(folder),
    speed: () => speed(folder),
    plan: () => planSpeed(folder),
  };
  for (const [name, part] of Object.entries(parts)) if (!only || only === name) await part();
}
