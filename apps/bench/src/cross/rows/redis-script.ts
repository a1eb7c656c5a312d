import { redisBroker } from "@upwire/redis";
import { Redis } from "ioredis";
import { recordCommands } from "../recorder.ts";
import { nothing, TOPIC, type CrossRow } from "../row.ts";
import { textOf } from "../text.ts";
import { HISTORY } from "./our-broker.ts";

/** What the broker takes in one call at most, and in one part of it, which becomes one entry of the stream. */
const MOST_IN_A_BATCH = 250;
const MOST_IN_A_PART = 128;

/** The call that publishes a batch, with the place of the batch in it. */
interface Recorded {
  readonly command: readonly Buffer[];
  readonly bodyAt: number;
  /** Of each item, before the text. */
  readonly before: Buffer;
  /** Where the topic is told. */
  readonly channel: Buffer;
}

/**
 * The script of redisBroker, called by ioredis with the same batches and parts: what comes while a call is under way goes into the next one. The call is
 * recorded from the broker itself, so that it stays the same; nothing is decoded, retried, queued or bounded.
 */
export const redisScript: CrossRow = {
  label: "its script, called by ioredis",
  kind: "control",
  through: "redis",
  async start({ role, url, topic }, onText) {
    const client = new Redis(url);
    const stop = (): void => client.disconnect();
    if (role === "publisher") return { publish: batcher(client, await record(url, topic)), stop };
    const { channel } = await record(url, TOPIC);
    client.on("messageBuffer", (_channel: Buffer, bytes: Buffer) => onText(bytes.toString("latin1")));
    await client.subscribe(channel);
    return { publish: nothing, stop };
  },
};

async function record(url: string, topic: string): Promise<Recorded> {
  const recorder = await recordCommands(Number(new URL(url).port));
  const broker = redisBroker({ url: `redis://127.0.0.1:${recorder.port}` });
  const ignore = (): void => {};
  await broker.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
  // No number is 0: the subscriber counts from 1 on.
  const text = textOf(0, 0);
  await broker.publish(topic, text, { history: HISTORY });
  await broker.close();
  const command = recorder.commands().findLast((one) => /^eval/i.test(String(one[0])) && one.some((argument) => argument.includes(text)));
  recorder.close();
  if (command === undefined) throw new Error("redisBroker published without a script");
  const bodyAt = command.findLastIndex((argument) => argument.includes(text));
  const body = command[bodyAt] ?? Buffer.alloc(0);
  const channel = command.findLast((argument, at) => at < bodyAt && argument.includes(topic) && !command.slice(3, 5).includes(argument));
  if (channel === undefined) throw new Error("the script is given no channel");
  return { command, bodyAt, before: body.subarray(0, body.indexOf(text)), channel };
}

function batcher(client: Redis, { command, bodyAt, before }: Recorded): (text: string) => void {
  const [name = Buffer.alloc(0), ...rest] = command;
  // How many parts; then for each how many texts, their bytes, and the body.
  const start = rest.slice(0, bodyAt - 4);
  const end = rest.slice(bodyAt);
  let waiting: Buffer[] = [];
  let isUnderWay = false;
  let isScheduled = false;

  function flush(): void {
    isScheduled = false;
    if (isUnderWay || waiting.length === 0) return;
    isUnderWay = true;
    const batch = waiting.splice(0, MOST_IN_A_BATCH);
    const parts = [];
    while (batch.length > 0) parts.push(batch.splice(0, MOST_IN_A_PART));
    const bodies = parts.flatMap((texts) => [texts.length, sizeOf(texts), Buffer.concat(texts.flatMap((text) => [before, text]))]);
    client.call(String(name), ...start, parts.length, ...bodies, ...end).then(answered, answered);
  }

  function answered(): void {
    isUnderWay = false;
    flush();
  }

  return (text) => {
    waiting.push(Buffer.from(text, "latin1"));
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(flush);
  };
}

function sizeOf(texts: readonly Buffer[]): number {
  return texts.reduce((size, { length }) => size + length, 0);
}
