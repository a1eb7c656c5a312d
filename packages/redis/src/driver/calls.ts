import { RedisReplyError, type RedisArgument, type RedisCall, type RedisReply } from "./driver.ts";
import type { LineAnswer } from "./line.ts";

/** What sends: a link to one server. */
export interface Sender {
  /** Of the server process that is connected now; "" where the user may not know it. */
  readonly run: string;
  call(args: readonly RedisArgument[]): Promise<RedisReply>;
  many(calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]>;
}

function argsOf(call: RedisCall, run: string): readonly RedisArgument[] {
  if (!("script" in call)) return call.args;
  return ["EVALSHA", call.script.sha, call.keys.length, ...call.keys, ...call.args, run];
}

/** By which a Cluster finds the server. */
export function keyOf(call: RedisCall): string | undefined {
  return "script" in call ? call.keys[0] : call.key;
}

/** What to send instead when the server has forgotten a script (SCRIPT FLUSH); `undefined` for any other answer. */
function again(call: RedisCall, run: string, answer: LineAnswer): readonly RedisArgument[] | undefined {
  if (!("script" in call) || !(answer instanceof RedisReplyError) || answer.code !== "NOSCRIPT") return undefined;
  return ["EVAL", call.script.text, call.keys.length, ...call.keys, ...call.args, run];
}

export async function sendCall(to: Sender, call: RedisCall): Promise<RedisReply> {
  try {
    return await to.call(argsOf(call, to.run));
  } catch (error) {
    const args = again(call, to.run, error as LineAnswer);
    if (args === undefined) throw error;
    return to.call(args);
  }
}

export function sendMany(to: Sender, calls: readonly RedisCall[]): Promise<readonly LineAnswer[]> {
  return calls.some((call) => "script" in call) ? sendScripts(to, calls) : to.many(calls.map((call) => argsOf(call, to.run)));
}

async function sendScripts(to: Sender, calls: readonly RedisCall[]): Promise<readonly LineAnswer[]> {
  const answers = [...(await to.many(calls.map((call) => argsOf(call, to.run))))];
  const repeats: { readonly at: number; readonly args: readonly RedisArgument[] }[] = [];
  answers.forEach((answer, at) => {
    const args = again(calls[at] as RedisCall, to.run, answer);
    if (args !== undefined) repeats.push({ at, args });
  });
  if (repeats.length === 0) return answers;
  const later = await to.many(repeats.map(({ args }) => args));
  repeats.forEach(({ at }, index) => (answers[at] = later[index] as LineAnswer));
  return answers;
}
