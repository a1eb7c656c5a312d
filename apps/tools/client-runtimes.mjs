// The built client in another runtime, in a process of its own, against a server in this one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { EXPECTED } from "./client-play.mjs";
import { openStage } from "./client-stage.mjs";

const program = fileURLToPath(new URL("client-program.mjs", import.meta.url));
/** A process that is alive then was left something to wait for. Milliseconds. */
const MOST_MS = 60_000;

/**
 * Prints a line.
 * @param runtime The path of a program, and its flags.
 * @returns whether each player told what it should, and the process ended by itself
 */
export async function judgeClient(name, { program: runtime, flags = [] }) {
  const stage = await openStage();
  const child = spawn(runtime, [...flags, program, stage.url], { stdio: ["ignore", "pipe", "inherit"], timeout: MOST_MS, killSignal: "SIGKILL" });
  let said = "";
  child.stdout.on("data", (chunk) => (said += chunk));
  const [code, signal] = await once(child, "close");
  await stage.close();
  const players = said === "" ? [] : Object.entries(JSON.parse(said));
  const wrong = players.filter(([, told]) => !isDeepStrictEqual(told, EXPECTED));
  for (const [player, told] of wrong) console.error(`  ${name}, ${player}:\n    ${told.join("\n    ")}`);
  const isRight = code === 0 && players.length > 0 && wrong.length === 0;
  console.log(
    `${name.padEnd(14)}client    ${players.length - wrong.length}/${players.length}  ${isRight ? "ended by itself" : `ended with ${code ?? signal}`}`,
  );
  return isRight;
}
