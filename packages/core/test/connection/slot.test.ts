import { createSlot, Upgrader, type Connection } from "@upwire/core";
import { openInMemory } from "@upwire/testing";
import { describe, expect, it } from "vitest";

async function real(): Promise<Connection> {
  return (await openInMemory(new Upgrader())).connection;
}

const standIn = (): Promise<Connection> => Promise.resolve({} as Connection);

describe.each([
  ["a connection", real],
  ["a stand-in of a test", standIn],
])("slots of %s", (_name, make) => {
  it("keep what was set, each for itself and for each connection", async () => {
    const names = createSlot<string>();
    const ages = createSlot<number>();
    const cities = createSlot<string>();
    const [ann, bob] = [await make(), await make()];
    names.set(ann, "ann");
    expect([names.get(ann), ages.get(ann), names.get(bob)]).toEqual(["ann", undefined, undefined]);
    names.set(ann, "anna");
    ages.set(ann, 7);
    names.set(bob, "bob");
    cities.set(ann, "rome");
    expect([names.get(ann), ages.get(ann), cities.get(ann), names.get(bob), ages.get(bob)]).toEqual(["anna", 7, "rome", "bob", undefined]);
  });

  it.each([1, 3])("forget what was deleted, with %s of them", async (count) => {
    const slots = Array.from({ length: count }, () => createSlot<number>());
    const connection = await make();
    for (const [at, slot] of slots.entries()) slot.set(connection, at);
    const [first, ...others] = slots;
    first?.delete(connection);
    first?.delete(connection);
    createSlot<number>().delete(connection);
    expect(slots.map((slot) => slot.get(connection))).toEqual([undefined, ...others.map((_, at) => at + 1)]);
    first?.set(connection, 9);
    expect(first?.get(connection)).toBe(9);
  });

  it("keep a value that is undefined from hiding another's", async () => {
    const [one, other] = [createSlot<undefined>(), createSlot<number>()];
    const connection = await make();
    one.set(connection, undefined);
    other.set(connection, 1);
    expect([one.get(connection), other.get(connection)]).toEqual([undefined, 1]);
  });
});

it("a slot still has its value when the connection is closed", async () => {
  const slot = createSlot<string>();
  const { connection, peer } = await openInMemory(new Upgrader());
  slot.set(connection, "kept");
  peer.destroy();
  await connection.closed;
  expect(slot.get(connection)).toBe("kept");
});
