import { redisBroker } from "@upwire/redis";
import { describeBroker, type MakeBroker } from "@upwire/testing";
import { redisMissing } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe } from "vitest";
import { clusterPlace, singlePlace, type Place } from "./ways.ts";

const missing = redisMissing();

const places: Readonly<Record<string, () => Promise<Place>>> = {
  "Redis, ioredis": () => singlePlace("ioredis"),
  "Redis, node-redis": () => singlePlace("node-redis"),
  "Redis Cluster, ioredis": () => clusterPlace("ioredis"),
  "Redis Cluster, node-redis": () => clusterPlace("node-redis"),
};

describe.skipIf(missing !== undefined).each(Object.entries(places))(`redisBroker on %s${missing === undefined ? "" : ` (${missing})`}`, (name, start) => {
  let place: Place;
  beforeAll(async () => {
    place = await start();
  }, 30_000);
  afterAll(() => place.close());

  const make: MakeBroker = async ({ network }) => {
    const { client, cut, mend } = await place.way();
    return { broker: redisBroker({ client, prefix: network, onError: () => {} }), cut, mend };
  };
  describeBroker(name, make, { age: "Redis has its own time", save: "Redis keeps it" });
});
