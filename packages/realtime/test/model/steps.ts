import type { SimClient } from "./sim-client.ts";
import { kindOf } from "./topics.ts";
import type { World } from "./world.ts";

/** Something that happens. */
export interface Step {
  readonly name: string;
  /** How often, beside the others. */
  readonly weight: number;
  readonly apply: (world: World) => void | Promise<void>;
}

/** More would be refused, and nothing is learnt from that here. */
const MAX_UNANSWERED = 30;

export const steps: readonly Step[] = [
  {
    name: "the server publishes",
    weight: 24,
    apply: (world) => world.publish(world.dice.pick(world.topics)),
  },
  {
    name: "the server publishes many",
    weight: 4,
    apply(world) {
      const topic = world.dice.pick(world.topics);
      for (const client of world.clients) client.excusedTurns = 4;
      for (let count = 2 + world.dice.below(30); count > 0; count--) world.publish(topic);
    },
  },
  {
    name: "a topic with a short history is flooded",
    weight: 4,
    async apply(world) {
      const topic = world.dice.pick(["narrow:1", "narrow:2", "small:1", "state:1"]);
      for (const client of world.clients) client.excusedTurns = 8;
      for (let turns = 1 + world.dice.below(4); turns > 0; turns--) {
        for (let count = world.dice.below(20); count >= 0; count--) world.publish(topic);
        await world.turn();
      }
    },
  },
  {
    name: "a client publishes",
    weight: 16,
    apply(world) {
      const client = connected(world);
      if (client !== undefined) publishBy(world, client, world.dice.pick(world.topics));
    },
  },
  {
    name: "a client sends again what has no answer",
    weight: 8,
    apply: (world) => connected(world)?.retry(),
  },
  {
    name: "a client subscribes, where it stood",
    weight: 12,
    async apply(world) {
      const client = connected(world);
      if (client === undefined) return;
      const name = world.dice.pick(world.topics);
      client.wants.add(name);
      await resume(world, client);
    },
  },
  {
    name: "a client subscribes twice",
    weight: 1,
    apply(world) {
      const client = connected(world);
      const topic = client?.reader.topic(world.dice.pick(world.topics));
      if (client === undefined || topic === undefined || topic.state !== "none") return;
      client.wants.add(topic.name);
      client.reader.subscribe(topic.name, undefined);
      client.reader.subscribe(topic.name, undefined);
    },
  },
  {
    name: "a client unsubscribes",
    weight: 5,
    apply(world) {
      const client = connected(world);
      const live = [...(client?.reader.topics.values() ?? [])].filter(({ state }) => state === "live");
      if (client === undefined || live.length === 0) return;
      const { name } = world.dice.pick(live);
      world.counts.unsubscribes++;
      client.wants.delete(name);
      client.reader.unsubscribe(name);
    },
  },
  {
    name: "a client stops reading",
    weight: 10,
    apply(world) {
      const client = connected(world);
      if (client?.wire === undefined) return;
      world.counts.slow++;
      client.wasSlow = true;
      client.wire.isTaking = false;
    },
  },
  {
    name: "a client reads on",
    weight: 5,
    apply(world) {
      const client = connected(world);
      if (client?.wire !== undefined) client.wire.isTaking = true;
    },
  },
  {
    name: "a slow client takes one write",
    weight: 8,
    apply: (world) => connected(world)?.wire?.takeOne(),
  },
  {
    name: "a connection is cut",
    weight: 3,
    apply(world) {
      const client = connected(world);
      if (client === undefined) return;
      world.counts.cuts++;
      world.cut(client, { inMidFrame: false });
    },
  },
  {
    name: "a connection is cut in mid-frame",
    weight: 4,
    async apply(world) {
      const client = connected(world);
      if (client?.wire === undefined) return;
      world.counts.cutsInMidFrame++;
      client.wire.isTaking = false;
      const topic = world.dice.pick([...client.wants, ...world.topics]);
      for (let count = world.dice.below(4); count >= 0; count--) world.publish(topic);
      await world.turn();
      world.cut(client, { inMidFrame: true });
    },
  },
  {
    name: "a client comes back",
    weight: 10,
    async apply(world) {
      const client = world.dice.pick(world.clients);
      await world.connect(client);
      await resume(world, client);
    },
  },
  {
    name: "a client comes back, reads slowly and is cut in its resume",
    weight: 3,
    async apply(world) {
      const client = world.clients.find(({ wire }) => wire === undefined);
      if (client === undefined) return;
      await world.connect(client);
      if (client.wire === undefined) return;
      client.wasSlow = true;
      client.wire.isTaking = false;
      await resume(world, client);
      for (let count = world.dice.below(6); count > 0; count--) {
        client.wire?.takeOne();
        await world.turn();
      }
      if (client.wire !== undefined) world.cut(client, { inMidFrame: true });
    },
  },
  {
    name: "a little time passes",
    weight: 14,
    apply: (world) => world.pass(world.dice.below(300)),
  },
  {
    name: "time passes",
    weight: 1,
    apply: (world) => world.pass(world.dice.below(world.dice.once(4) ? 70_000 : 8000)),
  },
  {
    name: "nothing happens for a turn",
    weight: 20,
    apply: () => {},
  },
];

/** Things that end everything that goes on: once in so many steps. */
export const RESTART_EACH = 300;
export const KILL_EACH = 700;
export const SETTLE_EACH = 150;

function connected(world: World): SimClient | undefined {
  const client = world.dice.pick(world.clients);
  return client.wire === undefined ? undefined : client;
}

function publishBy(world: World, client: SimClient, topic: string): void {
  if (client.reader.unanswered >= MAX_UNANSWERED) return;
  const number = world.nextNumber();
  world.journal.note(`${client.name} publishes ${number} in ${topic}`);
  const key = world.dice.once(4) ? undefined : `${client.name}-${number}`;
  client.publish({ topic, number, text: { type: "message", payload: { number, pad: world.pad() } }, key, attempts: 0 });
}

/** Subscribes what is wanted; in the same moment, or a turn later, something is published there. */
async function resume(world: World, client: SimClient): Promise<void> {
  if (client.wire === undefined) return;
  client.subscribeAll((topic) => world.since(topic));
  const topics = [...client.wants].filter((topic) => client.reader.topic(topic).state === "asked" && kindOf(topic).history !== undefined);
  if (topics.length === 0 || world.dice.once(3)) return;
  if (world.dice.once(2)) await world.turn();
  for (let count = world.dice.below(4); count >= 0; count--) {
    world.counts.publishedInResume++;
    world.publish(world.dice.pick(topics));
  }
}
