/** What several slots of one object hold. The common case, one slot, does without it. */
type Several = Map<object, unknown>;

/** Is in the place of the slot when an object has values of several slots. */
const SEVERAL: object = Object.freeze({});

/** The only way to the fields of a `SlotHolder`: assigned once, where the class is made. */
interface Door {
  isHolder(object: object): object is SlotHolder;
  get(holder: SlotHolder, slot: object): unknown;
  set(holder: SlotHolder, slot: object, value: unknown): void;
  delete(holder: SlotHolder, slot: object): void;
}

let door: Door;

/**
 * An object that has room for what others want to remember of it. One value, which is what most have, lies in two fields of the
 * object itself; an entry of a `WeakMap` for each connection would cost 60 bytes, and every garbage collection looks at it.
 */
export abstract class SlotHolder {
  #slot: object | undefined;
  #value: unknown;

  static {
    door = {
      isHolder: (object): object is SlotHolder => #slot in object,
      get(holder, slot) {
        if (holder.#slot === slot) return holder.#value;
        return holder.#slot === SEVERAL ? (holder.#value as Several).get(slot) : undefined;
      },
      set(holder, slot, value) {
        if (holder.#slot === SEVERAL) {
          (holder.#value as Several).set(slot, value);
        } else if (holder.#slot === undefined || holder.#slot === slot) {
          holder.#slot = slot;
          holder.#value = value;
        } else {
          holder.#value = new Map([
            [holder.#slot, holder.#value],
            [slot, value],
          ]);
          holder.#slot = SEVERAL;
        }
      },
      delete(holder, slot) {
        if (holder.#slot === SEVERAL) {
          (holder.#value as Several).delete(slot);
        } else if (holder.#slot === slot) {
          holder.#slot = undefined;
          holder.#value = undefined;
        }
      },
    };
  }
}

/** State of one kind for each connection: typed, and gone with the connection. What it calls a holder is any `Connection`. */
export interface Slot<Value> {
  /** What was set for this connection, also when that is closed. */
  get(holder: SlotHolder): Value | undefined;
  set(holder: SlotHolder, value: Value): void;
  delete(holder: SlotHolder): void;
}

class ConnectionSlot<Value> implements Slot<Value> {
  /** For what only looks like a connection: a stand-in in a test, or one of another copy of core. */
  #others: WeakMap<object, Value> | undefined;

  get(connection: object): Value | undefined {
    return door.isHolder(connection) ? (door.get(connection, this) as Value | undefined) : this.#others?.get(connection);
  }

  set(connection: object, value: Value): void {
    if (door.isHolder(connection)) return door.set(connection, this, value);
    this.#others ??= new WeakMap();
    this.#others.set(connection, value);
  }

  delete(connection: object): void {
    if (door.isHolder(connection)) door.delete(connection, this);
    else this.#others?.delete(connection);
  }
}

/**
 * Makes a place in which your code keeps something for each connection, in place of a `WeakMap`:
 * `const nameOf = createSlot<string>()`, `nameOf.set(connection, "ann")`. What is set lives as long as the connection object, and
 * is still there in the `close` hook. Make one for each kind of state, once: a slot that is given up keeps its values alive.
 */
export function createSlot<Value>(): Slot<Value> {
  return new ConnectionSlot();
}
