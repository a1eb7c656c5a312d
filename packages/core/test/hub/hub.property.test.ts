// oxlint-disable vitest/no-standalone-expect -- the steps below run inside the property
import { createHub, type Audience, type Hub } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../helpers/property.ts";
import { StandIn } from "../helpers/stand-in.ts";

const COUNT = 5;
const ROOMS = ["r", "s", "t"];
const USERS = ["ann", "bob"];
const MOST_ROOMS = 2;

/** Members of an audience with their formats. */
type Formats = Map<number, string>;

/** The hub as one would write it down on paper. */
class Model {
  readonly here: Formats = new Map();
  readonly rooms = new Map(ROOMS.map((room): [string, Formats] => [room, new Map()]));
  readonly users = new Map(USERS.map((user): [string, Formats] => [user, new Map()]));
  /** In the order of joining; of the closed ones, as they were at the end. */
  readonly roomsOf = Array.from({ length: COUNT }, (): string[] => []);
  readonly closed = new Set<number>();
  readonly heard = Array.from({ length: COUNT }, (): string[] => []);
  readonly told: string[] = [];
  refused = 0;
  sent = 0;

  enter(who: number, format: string | undefined): void {
    this.here.set(who, format ?? this.here.get(who) ?? "default");
  }

  put(formats: Formats, who: number, format: string | undefined): void {
    formats.set(who, format ?? formats.get(who) ?? this.here.get(who) ?? "default");
  }

  leaveRoom(who: number, room: string): void {
    this.of(room).delete(who);
    this.told.push(`leave ${room} c${who}`);
    if (this.of(room).size === 0) this.told.push(`empty ${room}`);
  }

  /** Rooms and users go, what `roomsOf` tells stays. */
  forget(who: number): void {
    this.here.delete(who);
    for (const room of this.roomsOf[who] ?? []) this.leaveRoom(who, room);
    for (const formats of this.users.values()) formats.delete(who);
  }

  /** The members of the hub (""), a room or a user. */
  of(name: string): Formats {
    return this.rooms.get(name) ?? this.users.get(name) ?? this.here;
  }
}

class Real {
  readonly told: string[] = [];
  readonly hub: Hub = createHub({
    maxRoomsPerConnection: MOST_ROOMS,
    onFirst: (room) => void this.told.push(`first ${room}`),
    onJoin: (room, { id }) => void this.told.push(`join ${room} ${id}`),
    onLeave: (room, { id }) => void this.told.push(`leave ${room} ${id}`),
    onEmpty: (room) => void this.told.push(`empty ${room}`),
  });
  readonly members: readonly StandIn[] = Array.from({ length: COUNT }, (_, at) => new StandIn(`c${at}`));
  /** Handles that are kept from the beginning. */
  readonly #kept = new Map([...ROOMS, ...USERS, ""].map((name) => [name, this.fresh(name)]));

  fresh(name: string): Audience {
    if (name === "") return this.hub;
    return ROOMS.includes(name) ? this.hub.room(name) : this.hub.user(name);
  }

  audience(name: string, isFresh: boolean): Audience {
    const kept = this.#kept.get(name);
    return isFresh || kept === undefined ? this.fresh(name) : kept;
  }

  member(who: number): StandIn {
    const member = this.members[who];
    if (member === undefined) throw new Error(`there is no member ${who}`);
    return member;
  }
}

/** What happens, on paper and in truth. */
interface Step {
  readonly name: string;
  /** @returns what the call has to answer. */
  apply(model: Model): unknown;
  call(real: Real): unknown;
}

const who = fc.nat(COUNT - 1);
const name = fc.constantFrom("", ...ROOMS, ...USERS);
const format = fc.constantFrom(undefined, undefined, undefined, "json", "xml");
const isFresh = fc.boolean();

const add = fc.record({ who, name, format, isFresh }).map((what): Step => ({
  name: `add c${what.who} to ${what.name || "the hub"} ${what.format ?? ""}`,
  apply(model) {
    if (model.closed.has(what.who)) return false;
    const isNew = !model.here.has(what.who);
    if (isNew || what.name === "") model.enter(what.who, what.format);
    if (what.name === "") return true;
    const formats = model.of(what.name);
    const rooms = model.roomsOf[what.who] ?? [];
    if (ROOMS.includes(what.name) && !formats.has(what.who)) {
      if (rooms.length === MOST_ROOMS) {
        model.refused++;
        return false;
      }
      rooms.push(what.name);
      if (formats.size === 0) model.told.push(`first ${what.name}`);
      model.told.push(`join ${what.name} c${what.who}`);
    }
    model.put(formats, what.who, what.format);
    return true;
  },
  call: (real) => real.audience(what.name, what.isFresh).add(real.member(what.who).connection, { format: what.format }),
}));

const remove = fc.record({ who, name, isFresh }).map((what): Step => ({
  name: `delete c${what.who} from ${what.name || "the hub"}`,
  apply(model) {
    const wasMember = model.of(what.name).has(what.who);
    const rooms = model.roomsOf[what.who] ?? [];
    if (!wasMember) return false;
    if (what.name === "") {
      model.forget(what.who);
      rooms.length = 0;
    } else if (ROOMS.includes(what.name)) {
      rooms.splice(rooms.indexOf(what.name), 1);
      model.leaveRoom(what.who, what.name);
    } else {
      model.of(what.name).delete(what.who);
    }
    return true;
  },
  call: (real) => real.audience(what.name, what.isFresh).delete(real.member(what.who).connection),
}));

const end = who.map((index): Step => ({
  name: `end c${index}`,
  apply(model) {
    model.closed.add(index);
    if (model.here.has(index)) model.forget(index);
  },
  call: (real) => real.member(index).end(),
}));

const broadcast = fc
  .record({
    name,
    except: fc.option(who, { nil: undefined }),
    isFresh,
    data: fc.constantFrom("text", "by format", "json only"),
    only: fc.option(fc.array(who), { nil: undefined, freq: 3 }),
  })
  .map((what): Step => {
    const textOf = (text: string, wanted: string): string | undefined => {
      if (what.data === "text") return text;
      return what.data === "by format" || wanted === "json" ? `${text} ${wanted}` : undefined;
    };
    let text = "";
    return {
      name: `broadcast ${what.data} to ${what.name || "the hub"}, not to ${what.except}, of ${what.only?.join() ?? "all"}`,
      apply(model) {
        text = `m${model.sent++}`;
        let taken = 0;
        for (const [index, wanted] of model.of(what.name)) {
          const sent = textOf(text, wanted);
          if (index === what.except || what.only?.includes(index) === false || sent === undefined) continue;
          model.heard[index]?.push(sent);
          taken++;
        }
        return taken;
      },
      call(real) {
        const data = what.data === "text" ? text : (wanted: string) => textOf(text, wanted);
        const except = what.except === undefined ? undefined : real.member(what.except).connection;
        const ids = what.only?.map((index) => `c${index}`);
        return real.audience(what.name, what.isFresh).broadcast(data, { except, filter: ids && (({ id }) => ids.includes(id)) });
      },
    };
  });

/** Everything that can be asked. */
function compare(model: Model, real: Real): void {
  const { hub, members, told } = real;
  const idsOf = (formats: Formats): string[] => [...formats.keys()].map((index) => `c${index}`).toSorted();
  const handles = ["", ...ROOMS, ...USERS].flatMap((of) => [true, false].map((isNew) => [of, real.audience(of, isNew)] as const));
  for (const [of, audience] of handles) {
    const formats = model.of(of);
    expect([of, audience.size, [...audience].map(({ id }) => id).toSorted()]).toEqual([of, formats.size, idsOf(formats)]);
    expect(members.map(({ connection }) => audience.has(connection))).toEqual(members.map((_, index) => formats.has(index)));
  }
  expect(hub.rooms().toSorted()).toEqual(ROOMS.filter((room) => model.of(room).size > 0));
  expect(members.map(({ connection }) => hub.roomsOf(connection))).toEqual(model.roomsOf);
  expect(members.map(({ id }) => hub.get(id))).toEqual(members.map(({ connection }, index) => (model.here.has(index) ? connection : undefined)));
  expect(members.map(({ heard }) => heard)).toEqual(model.heard);
  expect(members.map(({ listeners }) => listeners)).toEqual(members.map((_, index) => (model.here.has(index) ? 1 : 0)));
  expect(told).toEqual(model.told);
  expect(hub.stats.refusedJoins).toBe(model.refused);
}

describe("the hub", () => {
  it("does what its model on paper does, in any order of calls (property)", () => {
    const step = fc.oneof({ weight: 8, arbitrary: add }, { weight: 4, arbitrary: remove }, { weight: 1, arbitrary: end }, { weight: 5, arbitrary: broadcast });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [model, real] = [new Model(), new Real()];
        for (const taken of steps) {
          const answer = taken.apply(model);
          expect([taken.name, taken.call(real)]).toEqual([taken.name, answer]);
          compare(model, real);
        }
      }),
      runs(150),
    );
  });
});
