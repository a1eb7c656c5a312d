// oxlint-disable vitest/no-standalone-expect -- the steps below run inside the property
import { createHub, type CloseInfo, type Connection, type Hub } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "./property.ts";

/** What the hub needs of a connection, without a socket. */
class Member {
  readonly id: string;
  readonly heard: string[] = [];
  state: "open" | "closed" = "open";
  readonly #listeners: ((info: CloseInfo, connection: Connection) => void)[] = [];

  constructor(index: number) {
    this.id = `c${index}`;
  }

  send(message: string | { readonly payload: Buffer }): boolean {
    if (this.state === "open") this.heard.push(typeof message === "string" ? message : message.payload.toString());
    return this.state === "open";
  }

  onClose(listener: (info: CloseInfo, connection: Connection) => void): void {
    this.#listeners.push(listener);
  }

  leave(): void {
    this.state = "closed";
    for (const listener of this.#listeners.splice(0)) listener({ code: 1006, reason: "", wasClean: false }, this.connection);
  }

  get connection(): Connection {
    return this as unknown as Connection;
  }
}

/** The hub as one would write it down on paper. */
interface Model {
  readonly here: Set<number>;
  readonly rooms: Map<string, Set<number>>;
  readonly users: Map<string, Set<number>>;
  readonly closed: Set<number>;
  readonly heard: string[][];
  sent: number;
}

interface Real {
  readonly hub: Hub;
  readonly members: readonly Member[];
}

const COUNT = 5;

function enter(groups: Map<string, Set<number>>, name: string, who: number): void {
  groups.set(name, (groups.get(name) ?? new Set()).add(who));
}

function quit(groups: Map<string, Set<number>>, name: string, who: number): void {
  groups.get(name)?.delete(who);
  if (groups.get(name)?.size === 0) groups.delete(name);
}

function forget(model: Model, who: number): void {
  model.here.delete(who);
  for (const groups of [model.rooms, model.users]) for (const name of groups.keys()) quit(groups, name, who);
}

/** One step for both; afterwards everything that can be asked is compared. */
class Step implements fc.Command<Model, Real> {
  readonly #name: string;
  readonly #run: (model: Model, real: Real) => void;

  constructor(name: string, run: (model: Model, real: Real) => void) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.#run(model, real);
    const { hub, members } = real;
    const idsOf = (who: Iterable<number>): string[] => [...who].map((at) => `c${at}`).toSorted();
    expect(hub.count()).toBe(model.here.size);
    expect(hub.list().map(({ id }) => id).toSorted()).toEqual(idsOf(model.here));
    expect(hub.rooms().toSorted()).toEqual([...model.rooms.keys()].toSorted());
    for (const room of ["r", "s"]) {
      expect(hub.count(room)).toBe(model.rooms.get(room)?.size ?? 0);
      expect(hub.list(room).map(({ id }) => id).toSorted()).toEqual(idsOf(model.rooms.get(room) ?? []));
    }
    for (const [at, { id, connection, heard }] of members.entries()) {
      expect(hub.get(id)).toBe(model.here.has(at) ? connection : undefined);
      expect(hub.roomsOf(connection).toSorted()).toEqual([...model.rooms].filter(([, who]) => who.has(at)).map(([room]) => room).toSorted());
      expect(heard).toEqual(model.heard[at]);
    }
  }

  toString(): string {
    return this.#name;
  }
}

/** `who` hear the next message, unless they are closed. */
function deliver(model: Model, who: Iterable<number>): { readonly text: string; readonly taken: number } {
  const text = `m${model.sent++}`;
  const listeners = [...who].filter((at) => !model.closed.has(at));
  for (const at of listeners) model.heard[at]?.push(text);
  return { text, taken: listeners.length };
}

const who = fc.nat(COUNT - 1);
const room = fc.constantFrom("r", "s");
const user = fc.constantFrom("ann", "bob");
function memberOf({ members }: Real, index: number): Member {
  const member = members[index];
  if (member === undefined) throw new Error(`there is no member ${index}`);
  return member;
}

const steps = [
  fc.tuple(who, fc.option(user, { nil: undefined })).map(
    ([index, userId]) =>
      new Step(`register ${index} ${userId}`, (model, real) => {
        real.hub.register(memberOf(real, index).connection, userId === undefined ? {} : { userId });
        if (model.closed.has(index)) return;
        model.here.add(index);
        if (userId !== undefined) enter(model.users, userId, index);
      }),
  ),
  who.map(
    (index) =>
      new Step(`unregister ${index}`, (model, real) => {
        real.hub.unregister(memberOf(real, index).connection);
        forget(model, index);
      }),
  ),
  fc.tuple(who, room).map(
    ([index, name]) =>
      new Step(`join ${index} ${name}`, (model, real) => {
        real.hub.join(memberOf(real, index).connection, name);
        if (model.closed.has(index)) return;
        model.here.add(index);
        enter(model.rooms, name, index);
      }),
  ),
  fc.tuple(who, room).map(
    ([index, name]) =>
      new Step(`leave ${index} ${name}`, (model, real) => {
        real.hub.leave(memberOf(real, index).connection, name);
        quit(model.rooms, name, index);
      }),
  ),
  who.map(
    (index) =>
      new Step(`close ${index}`, (model, real) => {
        memberOf(real, index).leave();
        model.closed.add(index);
        forget(model, index);
      }),
  ),
  fc.tuple(fc.option(room, { nil: undefined }), fc.option(who, { nil: undefined })).map(
    ([name, except]) =>
      new Step(`broadcast ${name} but ${except}`, (model, real) => {
        const audience = name === undefined ? model.here : (model.rooms.get(name) ?? []);
        const { text, taken } = deliver(model, [...audience].filter((index) => index !== except));
        expect(real.hub.broadcast(text, { room: name, except: except === undefined ? undefined : memberOf(real, except).connection })).toBe(taken);
      }),
  ),
  who.map(
    (index) =>
      new Step(`sendTo ${index}`, (model, real) => {
        const { text, taken } = deliver(model, model.here.has(index) ? [index] : []);
        expect(real.hub.sendTo(`c${index}`, text)).toBe(taken === 1);
      }),
  ),
  user.map(
    (userId) =>
      new Step(`sendToUser ${userId}`, (model, real) => {
        const { text, taken } = deliver(model, model.users.get(userId) ?? []);
        expect(real.hub.sendToUser(userId, text)).toBe(taken);
      }),
  ),
];

describe("the hub", () => {
  it("does what its model on paper does, in any order of calls (property)", () => {
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 60 }), (commands) => {
        const setup = (): { model: Model; real: Real } => ({
          model: { here: new Set(), rooms: new Map(), users: new Map(), closed: new Set(), heard: Array.from({ length: COUNT }, () => []), sent: 0 },
          real: { hub: createHub(), members: Array.from({ length: COUNT }, (_, index) => new Member(index)) },
        });
        fc.modelRun(setup, commands);
      }),
      runs(100),
    );
  });
});
