import { Opcode } from "../client-frame.ts";
import type { Target } from "../target.ts";
import { inTime, Verdict, type Fault } from "../verdict.ts";
import { WireClient } from "../wire-client.ts";
import type { ConformanceCase, Echo } from "./case.ts";
import { Conversation } from "./conversation.ts";
import { DeflateSession } from "./deflate-session.ts";
import { readDeflateAnswer } from "./extension-offers.ts";

/** So many in one write are answered by a server that keeps a few pongs. */
const FEW_PINGS = 10;

/** Plays one case against a server. Never rejects: what goes wrong is a fault. */
export async function runCase(testCase: ConformanceCase, target: Target, timeoutMs: number): Promise<readonly Fault[]> {
  const verdict = new Verdict(testCase.level);
  const { offers } = testCase;
  let client: WireClient | undefined;
  try {
    client = await WireClient.open({
      ...target,
      headers: { ...target.headers, ...(offers ? { "Sec-WebSocket-Extensions": offers } : {}) },
      ...(testCase.early ? { early: testCase.early } : {}),
      answersClose: false,
    });
    await inTime(client.answered, timeoutMs);
    await converse(testCase, client, verdict, timeoutMs);
  } catch (error) {
    verdict.must((error as Error).message);
  } finally {
    client?.socket.destroy();
  }
  return verdict.faults;
}

/** Plays what comes after the answer to the handshake. */
export async function converse(testCase: ConformanceCase, client: WireClient, verdict: Verdict, timeoutMs: number): Promise<void> {
  const session = agree(testCase, client, verdict);
  if (session === "over") return;
  const closesEarly = testCase.early !== undefined && testCase.expect.close?.includes(1000) === true;
  const conversation = new Conversation(client, { session, saidClose: closesEarly });
  for (const step of testCase.send) await conversation.send(step);
  if (testCase.expect.close === undefined) await stayOpen(testCase, conversation, verdict, timeoutMs);
  else await expectClose(testCase, conversation, verdict, timeoutMs);
  judgeMessages(testCase, conversation, verdict);
  judgePongs(testCase, conversation, verdict);
  for (const fault of [...client.violations, ...conversation.faults]) verdict.must(fault);
}

/** The session that the answer to the handshake leads to. */
function agree(testCase: ConformanceCase, client: WireClient, verdict: Verdict): DeflateSession | undefined | "over" {
  const { deflate = "either", mayRefuse = false } = testCase.expect;
  if (client.status !== 101) {
    const refusal = `the handshake was answered with ${client.status}`;
    // A server may refuse any handshake (RFC 6455 §4.2.2), but an extension that it declines is no reason.
    if (testCase.offers === undefined) verdict.must(refusal);
    else if (!mayRefuse) verdict.strict(refusal);
    return "over";
  }
  const agreed = readDeflateAnswer(client.answer.header("sec-websocket-extensions"), testCase.offers ?? []);
  if (typeof agreed === "string") {
    verdict.must(agreed);
    return "over";
  }
  const accepts = agreed !== undefined;
  if (deflate !== "either" && accepts !== (deflate === "accepted")) {
    verdict.must(accepts ? "permessage-deflate was accepted" : "permessage-deflate was declined");
    return "over";
  }
  if (testCase.needs === "deflate" && agreed === undefined) {
    verdict.must("permessage-deflate was declined");
    return "over";
  }
  return agreed && new DeflateSession(agreed);
}

async function stayOpen({ expect }: ConformanceCase, conversation: Conversation, verdict: Verdict, timeoutMs: number): Promise<void> {
  const { messages = [], pongs = [] } = expect;
  const lastPong = pongs.at(-1);
  const pongCame = (): boolean => lastPong === undefined || conversation.pongs.some((pong) => pong.equals(lastPong));
  const done = (): boolean => conversation.messages.length >= messages.length && pongCame();
  await conversation.until(() => done() || conversation.closeCode !== undefined, timeoutMs);
  if (conversation.closeCode !== undefined || conversation.ended) {
    verdict.must(`the server ended a good connection, with ${conversation.closeCode ?? "no close frame"}`);
  } else {
    conversation.close(1000);
  }
  await conversation.until(() => conversation.ended, timeoutMs);
  if (!conversation.ended) verdict.must("the server did not end the TCP connection after the close frames");
  const code = conversation.closeCode;
  if (code === undefined) verdict.must("the server did not answer our close frame");
  else if (code !== 1000) verdict.strict(`the server answered our close frame of 1000 with ${code}`);
}

async function expectClose({ expect }: ConformanceCase, conversation: Conversation, verdict: Verdict, timeoutMs: number): Promise<void> {
  const codes = expect.close ?? [];
  await conversation.until(() => conversation.closeCode !== undefined, expect.withinMs ?? timeoutMs);
  const code = conversation.closeCode;
  if (code === undefined && !conversation.ended) return verdict.must(`the connection stayed open; close ${codes.join(" or ")} is right`);
  // RFC 6455 §7.1.7: the close frame is only a SHOULD where the connection fails.
  if (code === undefined && !codes.includes(1000)) verdict.strict(`TCP ended without a close frame; close ${codes.join(" or ")} is right`);
  else if (code === undefined) verdict.must("the server did not answer our close frame");
  else if (!codes.includes(code)) verdict.must(`closed with ${code}; ${codes.join(" or ")} is right`);
  await conversation.until(() => conversation.ended, timeoutMs);
  if (!conversation.ended) verdict.must("the server did not end the TCP connection after the close frames");
}

function judgeMessages({ expect }: ConformanceCase, conversation: Conversation, verdict: Verdict): void {
  const { messages = [] } = expect;
  const got = conversation.messages;
  const wrong = got.findIndex((message, at) => !isSame(message, messages[at]));
  if (wrong >= 0) return verdict.must(`message ${wrong + 1} is wrong: got ${describe(got[wrong])}, not ${describe(messages[wrong])}`);
  if (got.length >= messages.length) return;
  const why = `${got.length} of ${messages.length} messages came back`;
  // A server that fails a connection, or closes it, need not finish what it was doing.
  if (expect.close === undefined) verdict.must(why);
  else verdict.strict(why);
}

function judgePongs({ expect }: ConformanceCase, conversation: Conversation, verdict: Verdict): void {
  const { pongs = [] } = expect;
  let at = 0;
  for (const pong of conversation.pongs) {
    const found = pongs.findIndex((payload, index) => index >= at && pong.equals(payload));
    if (found < 0) return verdict.must(`a pong that answers no ping, or comes twice: ${pong.toString("hex", 0, 20)}`);
    at = found + 1;
  }
  if (at === pongs.length) {
    // RFC 6455 §5.5.3 lets a server answer the newest only, but a short burst is no reason to.
    const few = pongs.length <= FEW_PINGS && conversation.pongs.length < pongs.length;
    if (few) verdict.strict(`${conversation.pongs.length} of ${pongs.length} pings were answered`);
    return;
  }
  const why = "the last ping was not answered";
  if (expect.close === undefined) verdict.must(why);
  else verdict.strict(why);
}

function isSame(message: Echo, other: Echo | undefined): boolean {
  return other !== undefined && message.opcode === other.opcode && Buffer.compare(message.payload, other.payload) === 0;
}

function describe(message: Echo | undefined): string {
  if (message === undefined) return "nothing";
  const { opcode, payload } = message;
  return `${opcode === Opcode.text ? "text" : "binary"} of ${payload.byteLength} bytes (${Buffer.from(payload.subarray(0, 12)).toString("hex")})`;
}
