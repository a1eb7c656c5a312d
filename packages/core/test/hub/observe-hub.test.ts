import { createHub, type HubOptions } from "@upwire/core";
import { observeHub, type HubObserver } from "@upwire/core/adapter";
import { describe, expect, it } from "vitest";
import { StandIn } from "../helpers/stand-in.ts";

/** An observer that notes what it is told. */
function noting(): HubObserver & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    onFirst: (part, name) => told.push(`first ${part} ${name}`),
    onEmpty: (part, name) => told.push(`empty ${part} ${name}`),
  };
}

function observed(options?: HubOptions): { readonly hub: ReturnType<typeof createHub>; readonly told: string[]; readonly end: () => void } {
  const hub = createHub(options);
  const { told, ...observer } = noting();
  return { hub, told, end: observeHub(hub, observer) };
}

describe("observeHub", () => {
  it("tells of the first and the last member of the hub, a room and a user", () => {
    const { hub, told } = observed();
    const [ann, bob] = [new StandIn("ann"), new StandIn("bob")];
    hub.add(ann.connection);
    hub.room("tea").add(ann.connection);
    hub.user("u1").add(ann.connection);
    hub.room("tea").add(bob.connection);
    hub.user("u1").add(bob.connection);
    expect(told.splice(0)).toEqual(["first hub ", "first room tea", "first user u1"]);
    hub.room("tea").delete(ann.connection);
    hub.user("u1").delete(ann.connection);
    hub.delete(ann.connection);
    expect(told.splice(0)).toEqual([]);
    bob.end();
    expect(told.splice(0)).toEqual(["empty room tea", "empty user u1", "empty hub "]);
    hub.user("u2").add(new StandIn("new").connection);
    expect(told).toEqual(["first hub ", "first user u2"]);
  });

  it("tells at once of what has members already", () => {
    const hub = createHub();
    const ann = new StandIn("ann");
    hub.room("tea").add(ann.connection);
    hub.user("u1").add(ann.connection);
    const { told, ...observer } = noting();
    observeHub(hub, observer);
    expect(told).toEqual(["first hub ", "first room tea", "first user u1"]);
  });

  it("tells nothing after its end, and goes on for others", () => {
    const { hub, told, end } = observed();
    const other = noting();
    observeHub(hub, { onFirst: other.onFirst });
    end();
    end();
    const ann = new StandIn("ann");
    hub.add(ann.connection);
    ann.end();
    expect([told, other.told]).toEqual([[], ["first hub "]]);
  });

  it("tells in the order of what happened when a hook of the hub changes members", () => {
    const ann = new StandIn("ann");
    const { hub, told } = observed({ onFirst: (room) => void (room === "tea" && hub.room("tea").delete(ann.connection)) });
    hub.room("tea").add(ann.connection);
    expect(told).toEqual(["first hub ", "first room tea", "empty room tea"]);
  });

  it("begins with what is there when a hook of the hub begins it, and tells nothing twice", () => {
    const { told, ...observer } = noting();
    const hub = createHub({ onFirst: () => void observeHub(hub, observer) });
    hub.room("tea").add(new StandIn("ann").connection);
    hub.room("coffee").delete(new StandIn("bob").connection);
    expect(told).toEqual(["first hub ", "first room tea"]);
  });

  it("refuses what is no hub, and an observer that cannot be meant", () => {
    expect(() => observeHub({} as never, {})).toThrow("observeHub: an object is no hub; give what createHub() returned");
    expect(() => observeHub(createHub(), { onLast: () => {} } as never)).toThrow('there is no option "onLast"');
    expect(() => observeHub(createHub(), { onFirst: 5 } as never)).toThrow("observeHub: onFirst: 5 is not allowed; give a function");
  });
});

describe("usersOf", () => {
  it("tells the users of a connection, also at its end", () => {
    const hub = createHub();
    const ann = new StandIn("ann");
    expect(hub.usersOf(ann.connection)).toEqual([]);
    hub.user("u1").add(ann.connection);
    hub.user("u2").add(ann.connection);
    hub.user("u1").delete(ann.connection);
    expect(hub.usersOf(ann.connection)).toEqual(["u2"]);
    ann.end();
    expect(hub.usersOf(ann.connection)).toEqual(["u2"]);
    expect(hub.usersOf({} as never)).toEqual([]);
  });
});
