import type { ConnectionHandler, UpgraderOptions } from "@upwire/core";
import type { ErrorSource } from "@upwire/core/adapter";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";

const FAULT = new Error("a fault of the application");

/** What any function of an application may do in place of its work. */
export const functionFaults: Readonly<Record<FunctionFault, () => unknown>> = {
  throws: () => {
    throw FAULT;
  },
  rejects: () => Promise.reject(FAULT),
  // oxlint-disable-next-line unicorn/no-thenable -- that is the fault
  "gives a thenable that rejects": () => ({ then: (_resolve: unknown, reject: (error: Error) => void) => reject(FAULT) }),
  "gives a thenable whose then throws": () =>
    // oxlint-disable-next-line unicorn/no-thenable -- and that
    Object.defineProperty({}, "then", {
      get() {
        throw FAULT;
      },
    }),
  "gives a thenable whose then fails later": () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- that is the fault
    then: async () => {
      throw FAULT;
    },
  }),
  // oxlint-disable-next-line unicorn/no-thenable -- and that
  "rejects behind a then of its own": () => Object.assign(Promise.reject(FAULT), { then: () => {} }),
  "never settles": () => new Promise(() => {}),
  "returns junk": () => 5,
};

export type FunctionFault =
  | "gives a thenable whose then fails later"
  | "rejects behind a then of its own"
  | "throws"
  | "rejects"
  | "gives a thenable that rejects"
  | "gives a thenable whose then throws"
  | "never settles"
  | "returns junk";

/** The end of the connection or the status of the answer, and what `onError` gets; nothing for what goes unseen. */
interface Right {
  readonly code?: number;
  readonly status?: number;
  readonly error?: object;
}

/** By fault; "fails" stands for the first four, which are all alike unless they have their own. */
type Row = Readonly<Partial<Record<FunctionFault | "fails" | "is async", Right>>>;

const ends: Row = { fails: { code: 1011, error: FAULT }, "never settles": {}, "returns junk": {} };
const told: Row = { fails: { error: FAULT }, "never settles": {}, "returns junk": {} };
const NO_ANSWER = { status: 500, error: { name: "TypeError" } };
const atOnce: Row = { throws: { status: 500, error: FAULT }, "is async": NO_ANSWER, "returns junk": NO_ANSWER };

/** Every hook, held to the type by the compiler. `drain` is not made to happen from outside: see the tests of core. */
const hookRows: Readonly<Record<Exclude<keyof ConnectionHandler, "drain" | "leaving" | "concurrency" | "options">, Row>> = {
  open: { ...ends, "never settles": { code: 1011, error: { code: "ERR_OPEN_TIMEOUT" } } },
  message: ends,
  stream: ends,
  ping: ends,
  pong: ends,
  error: told,
  close: told,
};

/** Every option that is or may be a function, held to the type by the compiler. `clock` is in the tests of core. */
const optionRows: Readonly<Record<Exclude<FunctionOption, "clock">, Row>> = {
  authorize: { fails: { status: 500, error: FAULT }, "never settles": { status: 408 }, "returns junk": { status: 101 } },
  origin: { fails: { status: 500, error: FAULT }, "never settles": { status: 408 }, "returns junk": { status: 403 } },
  headers: atOnce,
  subprotocols: atOnce,
  onReject: { fails: { status: 403, error: FAULT }, "never settles": { status: 403 }, "returns junk": { status: 403 } },
  onError: { fails: { status: 500 }, "never settles": { status: 500 }, "returns junk": { status: 500 } },
};

type HasFunction<Value> = Extract<NonNullable<Value>, (...args: never[]) => unknown> extends never ? never : true;
type FunctionOption = { [Name in keyof UpgraderOptions]-?: HasFunction<UpgraderOptions[Name]> extends never ? never : Name }[keyof UpgraderOptions] | "clock";

function rightOf(row: Row, fault: FunctionFault): Right {
  const isAsync = fault !== "throws" && fault !== "returns junk";
  return row[fault] ?? (isAsync ? row["is async"] : undefined) ?? row.fails ?? {};
}

/** Each function that an application gives × each fault, against a table of right answers. */
export function functions(suite: Suite): void {
  for (const fault of Object.keys(functionFaults) as FunctionFault[]) {
    leaving(suite, { fault, right: rightOf(told, fault) });
    for (const [name, row] of Object.entries(hookRows)) hook(suite, name, { fault, right: rightOf(row, fault) });
    for (const [name, row] of Object.entries(optionRows)) option(suite, name, { fault, right: rightOf(row, fault) });
  }
}

interface Cell {
  readonly fault: FunctionFault;
  readonly right: Right;
}

interface Told {
  readonly error: unknown;
  readonly source: ErrorSource;
}

function hook(suite: Suite, name: string, { fault, right }: Cell): void {
  const path = `/functions/${name}/${fault.replaceAll(" ", "-")}`;
  const errors = new Channel<Told>();
  const closed = new Channel<string>();
  const faulty = { [name]: functionFaults[fault] } as ConnectionHandler;
  const handler: ConnectionHandler = { open: (connection) => connection.onClose(({ code }) => closed.push(`${code}`)), ...faulty };
  suite.route(path, handler, { openTimeoutMs: 100, onError: (error, source) => errors.push({ error, source }) });
  suite.it(`answers as its table says when the hook ${name} ${fault}`, async () => {
    const client = await suite.connect(path);
    client.sendText("one");
    client.ping("two");
    client.sendFrame({ opcode: 0xa });
    // What makes the hook `error` run is the client's fault; else the client ends it.
    if (name === "error") client.sendFrame({ opcode: 3 });
    else if (right.code === undefined) void client.close(1000);
    const { code } = await client.closed;
    expect(code).toBe(right.code ?? (name === "error" ? 1002 : 1000));
    if (right.error !== undefined) {
      const { error, source } = await errors.next();
      expect(error).toMatchObject(right.error);
      expect(source.connection?.remoteAddress).toContain("127.0.0.1");
    }
    await suite.expectAlive();
    expect(errors.size).toBe(0);
    if (name !== "open") expect(await closed.next()).toBe(`${code}`);
  });
}

/** The hook of a server that goes away: the client is closed as planned, whatever it does. */
function leaving(suite: Suite, { fault, right }: Cell): void {
  suite.it(`answers as its table says when the hook leaving ${fault}`, async () => {
    const errors = new Channel<Told>();
    const handler: ConnectionHandler = { leaving: functionFaults[fault] };
    const server = await suite.serve("/ws", handler, { onError: (error, source) => errors.push({ error, source }) });
    const client = await server.connect("/ws");
    await server.attachment.close();
    expect((await client.closed).code).toBe(1001);
    if (right.error !== undefined) expect(await errors.next()).toMatchObject({ error: right.error, source: { connection: { isOpen: false } } });
    await suite.expectAlive();
    expect(errors.size).toBe(0);
  });
}

function option(suite: Suite, name: string, { fault, right }: Cell): void {
  const path = `/functions/${name}/${fault.replaceAll(" ", "-")}`;
  const errors = new Channel<Told>();
  const others: UpgraderOptions =
    name === "onReject" ? { authorize: () => false } : name === "onError" ? { authorize: () => Promise.reject(FAULT) } : { handshakeTimeoutMs: 150 };
  suite.route(path, { open: () => {} }, { ...others, onError: (error, source) => errors.push({ error, source }), [name]: functionFaults[fault] });
  suite.it(`answers as its table says when the option ${name} ${fault}`, async () => {
    const client = await suite.connect(path, { headers: { "Sec-WebSocket-Protocol": "v1" } });
    expect(client.status).toBe(right.status);
    if (right.error !== undefined) {
      const { error, source } = await errors.next();
      expect(error).toMatchObject(right.error);
      expect(source.request?.path).toBe(path);
    }
    client.socket.destroy();
    await suite.expectAlive();
    expect(errors.size).toBe(0);
  });
}
