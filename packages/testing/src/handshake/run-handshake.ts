import { converse } from "../conformance/run-case.ts";
import { echoText, text, wire } from "../conformance/write.ts";
import type { HttpAnswer } from "../http-answer.ts";
import type { Target } from "../target.ts";
import { inTime, Verdict, type Fault } from "../verdict.ts";
import { WireClient } from "../wire-client.ts";
import type { Answer, HandshakeCall, HandshakeCase, Site } from "./case.ts";

/** Where handshakes are tried. */
export interface Stage {
  readonly target: Target;
  readonly site: Site;
  readonly timeoutMs: number;
}

/** One handshake on its way. */
interface Round extends Stage {
  readonly row: HandshakeCase;
  readonly call: HandshakeCall;
  readonly client: WireClient;
  readonly verdict: Verdict;
}

/** "Answered soon", measured as the best of some tries, so that a busy machine is no fault of the server. */
const SOON_MS = 250;
const TRIES = 8;

/** Plays one row against a server. Never rejects: what goes wrong is a fault. */
export async function runHandshake(row: HandshakeCase, stage: Stage): Promise<readonly Fault[]> {
  const verdict = new Verdict(row.level);
  let client: WireClient | undefined;
  try {
    const call = row.request(stage.site);
    client = await open(call, stage);
    if (client === undefined) return [];
    const answer = await answerOf(client, stage.timeoutMs);
    const round: Round = { ...stage, row, call, client, verdict };
    if (answer?.headers.some(([name]) => /^x-forged/i.test(name)) === true) verdict.must("the answer has a header that the client forged");
    if (answer?.status === 101) await judgeOpening(round, answer);
    else await judgeRefusal(round, answer);
    if (row.half !== undefined) await judgeTime(round, row.half(stage.site));
  } catch (error) {
    verdict.must((error as Error).message);
  } finally {
    client?.socket.destroy();
  }
  return verdict.faults;
}

/** `undefined` when the server did not keep the connection for it. */
async function open(call: HandshakeCall, { target, site, timeoutMs }: Stage): Promise<WireClient | undefined> {
  const { early = [], headers = {}, after, ...request } = call;
  const frames = early.map((message) => text(message));
  const options = { ...target, path: site.path, ...request, headers: { ...target.headers, ...headers }, early: wire(...frames), answersClose: false };
  if (after === undefined) return WireClient.open(options);
  const plain = { Upgrade: null, Connection: null };
  const first = await WireClient.open({ ...target, path: after, key: null, version: null, headers: { ...target.headers, ...plain } });
  let isKept = false;
  try {
    const answer = await answerOf(first, timeoutMs);
    isKept = answer !== undefined && !holds(answer, "connection", "close") && first.socket.writable;
  } finally {
    if (!isKept) first.socket.destroy();
  }
  return isKept ? WireClient.over(first.socket, options) : undefined;
}

/** `undefined` when TCP ended without one. */
async function answerOf(client: WireClient, timeoutMs: number): Promise<HttpAnswer | undefined> {
  try {
    return await inTime(client.answered, timeoutMs);
  } catch (error) {
    const { socket } = client;
    if (!socket.readableEnded && !socket.destroyed) throw error;
    const { wasReset } = await inTime(client.closed, timeoutMs);
    // A server that has not read the whole request resets, and what it had answered is lost.
    if (socket.bytesRead === 0 || wasReset) return undefined;
    throw error;
  }
}

async function judgeOpening(round: Round, answer: HttpAnswer): Promise<void> {
  const { row, call, client, verdict, timeoutMs } = round;
  const { answers, best } = row.expect;
  if (!answers.includes(101)) return verdict.must("answered with 101");
  if (best !== undefined && !best.statuses.includes(101)) verdict.strict(`answered with 101; ${best.statuses.join(" or ")} is better`);
  // RFC 6455 §4.2.2
  if (answer.all("upgrade").join().toLowerCase() !== "websocket") verdict.must("the 101 has no Upgrade: websocket");
  if (!holds(answer, "connection", "upgrade")) verdict.must("the 101 has no Connection: Upgrade");
  if (answer.all("sec-websocket-accept").length !== 1) verdict.must("the 101 has not one Sec-WebSocket-Accept");
  // RFC 9110 §8.6, RFC 9112 §6.1
  for (const name of ["content-length", "transfer-encoding"]) if (answer.header(name) !== undefined) verdict.must(`the 101 has ${name}`);
  judgeSubprotocol(round, answer);
  if (row.expect.echoes === false) return;
  const { id, group, title, level } = row;
  const { early = [] } = call;
  const last = "still here";
  await converse(
    {
      id,
      group,
      title,
      level,
      offers: linesOf(call, "sec-websocket-extensions"),
      send: [{ frames: [text(last)] }],
      expect: { messages: [...early, last].map(echoText) },
    },
    client,
    verdict,
    timeoutMs,
  );
}

function judgeSubprotocol({ row: { expect }, call, site, verdict }: Round, answer: HttpAnswer): void {
  const confirmed = answer.all("sec-websocket-protocol");
  const [one] = confirmed;
  if (confirmed.length > 1) verdict.must("the 101 confirms a subprotocol twice");
  const offered = linesOf(call, "sec-websocket-protocol")
    .flatMap((line) => line.split(","))
    .map((name) => name.trim());
  // RFC 6455 §4.1: a client fails the connection.
  if (one !== undefined && !offered.includes(one)) verdict.must(`the 101 confirms the subprotocol ${JSON.stringify(one)}, which was not offered`);
  const right = expect.confirms === "subprotocol" ? site.subprotocols[0] : undefined;
  if (expect.confirms !== undefined && one !== right) verdict.must(`the 101 confirms the subprotocol ${one ?? "of nobody"}; ${right ?? "none"} is right`);
}

async function judgeRefusal(round: Round, answer: HttpAnswer | undefined): Promise<void> {
  const { row, verdict } = round;
  const { answers, best, headers = {} } = row.expect;
  const got = answer === undefined ? "TCP ended without an answer" : `answered with ${answer.status}`;
  const kind: Answer = answer === undefined || answer.status >= 400 ? "refused" : "page";
  if (!answers.includes(kind)) verdict.must(`${got}; ${answers.join(" or ")} is right`);
  if (best !== undefined && !best.statuses.includes(answer?.status ?? 0)) verdict.strict(`${got}; ${best.statuses.join(" or ")} is better`);
  if (answer === undefined) return;
  for (const [name, member] of Object.entries(headers)) if (!holds(answer, name, member)) verdict.must(`${got} without ${name}: ${member}`);
  for (const [name, member] of Object.entries(best?.headers ?? {})) if (!holds(answer, name, member)) verdict.strict(`${got} without ${name}: ${member}`);
  // RFC 9110 §15.5.22, §15.5.6
  if (answer.status === 426 && !holds(answer, "upgrade", "websocket")) verdict.must("a 426 without Upgrade: websocket");
  if (answer.status === 405 && answer.header("allow") === undefined) verdict.must("a 405 without Allow");
  // RFC 9112 §6.3 allows it, but proxies that relay raw heads pass it on as a broken answer.
  if ([403, 405, 426].includes(answer.status) && answer.header("transfer-encoding") !== undefined) verdict.strict(`${got} in chunks, without Content-Length`);
  await judgeRest(round, answer);
}

/** After a refusal TCP ends, or HTTP goes on: the client may not be left waiting. */
async function judgeRest({ client, site, verdict, timeoutMs }: Round, answer: HttpAnswer): Promise<void> {
  const saysClose = holds(answer, "connection", "close");
  if (!saysClose && client.socket.writable) client.sendRaw(`GET ${site.path} HTTP/1.1\r\nHost: ${site.host}\r\nConnection: close\r\n\r\n`);
  try {
    await inTime(client.closed, timeoutMs);
  } catch {
    verdict.must(saysClose ? "TCP did not end after Connection: close" : "after the refusal TCP did not end, and no further request was served");
  }
}

async function judgeTime({ call: whole, verdict, ...stage }: Round, half: HandshakeCall): Promise<void> {
  const time = async (call: HandshakeCall): Promise<number> => {
    const start = performance.now();
    const client = await open(call, stage);
    if (client === undefined) return 0;
    try {
      await answerOf(client, stage.timeoutMs);
      return performance.now() - start;
    } finally {
      client.socket.destroy();
    }
  };
  let why = "";
  for (let tries = 0; tries < TRIES; tries++) {
    const [short, long] = [await time(half), await time(whole)];
    if (long <= SOON_MS && long <= 3 * short + 50) return;
    why = `answered after ${long.toFixed(0)} ms, and with half of it after ${short.toFixed(0)} ms`;
  }
  verdict.must(why);
}

function linesOf({ headers = {} }: HandshakeCall, name: string): string[] {
  const values = Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name && value !== null ? [value].flat() : []));
  // What follows a line break is another header, or none.
  return values.map((value) => value.split(/[\r\n]/, 1)[0] ?? "");
}

function holds(answer: HttpAnswer, name: string, member: string): boolean {
  const members = answer.header(name)?.toLowerCase().split(",") ?? [];
  return members.some((one) => one.trim() === member.toLowerCase());
}
