import { Upgrader, type Connection } from "@upwire/core";
import { openInMemory } from "@upwire/testing";
import { describe, expect, it } from "vitest";

const COUNT = 5;

/** @returns the names of the listeners that were told, when `add` and `remove` have run, in their order. */
async function toldBy(run: (add: (name: number) => void, remove: (name: number) => void) => void): Promise<number[]> {
  const { connection, peer } = await openInMemory(new Upgrader());
  const told: number[] = [];
  const listeners = Array.from({ length: COUNT }, (_, name) => () => void told.push(name));
  const of = (name: number): (() => void) => listeners[name] ?? expect.fail("no such listener");
  run(
    (name) => connection.onClose(of(name)),
    (name) => connection.offClose(of(name)),
  );
  peer.destroy();
  await connection.closed;
  return told;
}

describe("listeners for the end of a connection", () => {
  it("are told in their order, whichever of them were taken off before", async () => {
    for (let count = 0; count <= COUNT; count++) {
      for (let removed = 0; removed < 2 ** count; removed++) {
        const all = Array.from({ length: count }, (_, name) => name);
        const gone = all.filter((name) => (removed & (1 << name)) !== 0);
        const told = await toldBy((add, remove) => {
          all.forEach(add);
          gone.forEach(remove);
          // One that comes again is the last.
          gone.forEach(add);
        });
        expect(told).toEqual([...all.filter((name) => !gone.includes(name)), ...gone]);
      }
    }
  });

  it("are forgotten once where they were given twice, and not at all where they were not given", async () => {
    const told = await toldBy((add, remove) => {
      [0, 1, 0, 2].forEach(add);
      [0, 4].forEach(remove);
    });
    expect(told).toEqual([1, 0, 2]);
  });

  it("are functions", async () => {
    const { connection, peer } = await openInMemory(new Upgrader());
    expect(() => connection.onClose("close" as never)).toThrow(new TypeError("onClose: a string is no listener; give a function"));
    peer.destroy();
  });
});

it("lets one reader at a time pull the messages, and none behind the end", async () => {
  const { connection, peer } = await openInMemory(new Upgrader());
  const pull = (of: Connection): Promise<IteratorResult<unknown>> => of[Symbol.asyncIterator]().next();
  const first = pull(connection);
  await expect(pull(connection)).rejects.toThrow("The messages of a connection have one reader at a time");
  peer.destroy();
  await connection.closed;
  expect([(await first).done, (await pull(connection)).done]).toEqual([true, true]);
});
