// npm run cluster:rolling: a rolling restart of three servers behind each proxy, judged.
import { parseArgs } from "node:util";
import { onStop } from "./launcher/on-stop.ts";
import { brokers, proxies } from "./launcher/settings.ts";
import { rollingRestart, type RollingResult } from "./rolling/rolling-restart.ts";

const BACK_WITHIN_MS = 5000;

const { values } = parseArgs({
  options: {
    broker: { type: "string", default: "mesh" },
    proxy: { type: "string", multiple: true, default: ["nginx", "haproxy"] },
    clients: { type: "string", default: "1000" },
  },
});
const broker = brokers.find((name) => name === values.broker);
if (broker === undefined) throw new Error(`--broker is "${values.broker}"; give one of ${brokers.join(", ")}`);
const clients = Number(values.clients);

let stop = (): unknown => undefined;
onStop(() => stop());

for (const wanted of values.proxy) {
  const proxy = proxies.find((name) => name === wanted);
  if (proxy === undefined) throw new Error(`--proxy is "${wanted}"; give one of ${proxies.join(", ")}`);
  const startedAt = performance.now();
  try {
    const result = await rollingRestart({ broker, proxy, clients, onStart: (end) => (stop = end) });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    console.log(`${proxy}, ${broker}, ${clients} clients, 3 servers restarted in turn (${seconds} s)`);
    for (const line of report(result)) console.log(`  ${line}`);
    if (!holds(result)) process.exitCode = 1;
  } catch (error) {
    console.error(`${proxy}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
process.exit();

function report({ published, delivered, lost, doubled, gaps, behind, backMs, moves, cuts, failedTries, errors }: RollingResult): string[] {
  const at = (part: number): string => `${((backMs[Math.floor((backMs.length - 1) * part)] ?? Number.NaN) / 1000).toFixed(2)} s`;
  return [
    `published ${published}, delivered ${delivered}: ${lost} lost, ${doubled} doubled, ${gaps} gaps told, ${behind} clients without the last message`,
    `${backMs.length} connections closed, ${cuts} of them without a word; ${moves} came back on another server, ${failedTries} handshakes failed; back after ${at(0.5)} (half), ${at(0.99)} (99 %), ${at(1)} (all)`,
    ...(errors.length > 0 ? [`${errors.length} errors, the first: ${errors[0]}`] : []),
  ];
}

/** Each server has had clients that it closed; nothing is missing; each client was back in time. */
function holds({ published, lost, doubled, gaps, behind, backMs, moves, cuts, errors }: RollingResult): boolean {
  const isBack = backMs.length >= clients && backMs.every((ms) => ms <= BACK_WITHIN_MS);
  return published > 0 && lost + doubled + gaps + behind + cuts + errors.length === 0 && isBack && moves > 0;
}
