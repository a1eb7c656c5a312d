import { redisBroker } from "@upwire/redis";
import { Redis } from "ioredis";
import { recordCommands } from "../recorder.ts";
import { HISTORY } from "../rows/our-broker.ts";

/** What the broker asks for in one call. */
const TOPICS_OF_A_CALL = 200;
const TOPIC = "recorded";

/**
 * The script of redisBroker that tells positions, called by ioredis for as many topics at a time, once their channels are subscribed; and
 * again after a cut. The call is recorded from the broker itself, so that it stays the same; no answer is read.
 */
export async function positionsByHand(url: string): Promise<{ subscribe(topics: readonly string[]): Promise<unknown> }> {
  const { load, callFor } = await record(url);
  const commands = new Redis(url).on("error", () => {});
  const messages = new Redis(url, { autoResubscribe: false }).on("error", () => {});
  await Promise.all([commands.ping(), messages.ping()]);
  let topics: readonly string[] = [];

  async function ask(): Promise<void> {
    await messages.subscribe(...topics);
    const pipeline = commands.pipeline();
    for (let from = 0; from < topics.length; from += TOPICS_OF_A_CALL) pipeline.callBuffer("EVALSHA", ...callFor(topics.slice(from, from + TOPICS_OF_A_CALL)));
    await pipeline.exec();
  }

  messages.on("ready", () => {
    if (topics.length > 0)
      load(commands)
        .then(ask)
        .catch(() => {});
  });
  return {
    subscribe(all) {
      topics = all;
      return ask();
    },
  };
}

interface Recorded {
  readonly load: (client: Redis) => Promise<unknown>;
  /** The arguments of EVALSHA. */
  readonly callFor: (topics: readonly string[]) => readonly (string | number)[];
}

async function record(url: string): Promise<Recorded> {
  const recorder = await recordCommands(Number(new URL(url).port));
  const broker = redisBroker({ url: `redis://127.0.0.1:${recorder.port}` });
  const ignore = (): void => {};
  await broker.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
  await broker.subscribe(TOPIC, { history: HISTORY });
  await broker.close();
  const said = recorder.commands().map((command) => command.map(String));
  recorder.close();
  const [, sha = "", keys, meta = "", stream = "", epoch = "", ...rest] =
    said.findLast(([name, , , key = ""]) => /^evalsha$/i.test(name ?? "") && key.includes(TOPIC)) ?? [];
  if (keys !== "2") throw new Error("redisBroker asked for a position in another way than with one script and two keys for each topic");
  const ofTopic = rest.slice(0, -1);
  const [process = ""] = rest.slice(-1);
  const scripts = said.flatMap(([name = "", what = "", text = ""]) => (/^script$/i.test(name) && /^load$/i.test(what) ? [text] : []));
  return {
    load: (client) => Promise.all(scripts.map((text) => client.script("LOAD", text))),
    callFor: (topics) => [
      sha,
      topics.length * 2,
      ...topics.flatMap((topic) => [meta.replace(TOPIC, topic), stream.replace(TOPIC, topic)]),
      epoch,
      ...topics.flatMap(() => ofTopic),
      process,
    ],
  };
}
