import type { CloseInfo, ConnectionHandler } from "@upwire/core";
import type { ErrorSource } from "@upwire/core/adapter";
import { expect, it } from "vitest";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, nextMessage, serve } from "../helpers/served.ts";

interface Seen {
  readonly codes: string[];
  readonly errors: [unknown, ErrorSource][];
  readonly closed: Promise<CloseInfo>;
  readonly opened: Promise<void>;
  readonly handler: ConnectionHandler;
}

/** A handler whose `open` runs `work` and then says so. */
function watching(work: ConnectionHandler["open"]): Seen {
  const codes: string[] = [];
  let tell: (info: CloseInfo) => void = () => {};
  let isOpen = (): void => {};
  const closed = new Promise<CloseInfo>((resolve) => (tell = resolve));
  const opened = new Promise<void>((resolve) => (isOpen = resolve));
  const handler: ConnectionHandler = {
    open: (connection, request) => {
      isOpen();
      return work?.(connection, request);
    },
    error: (_connection, { code }) => void codes.push(code),
    close: (_connection, info) => tell(info),
  };
  return { codes, errors: [], closed, opened, handler };
}

const never = (): Promise<void> => new Promise(() => {});

it("ends a connection whose open never settles, tells its handler, and reports it with the connection", async () => {
  const clock = new FakeClock();
  const seen = watching(never);
  const served = await serve(seen.handler, { clock, pingIntervalMs: 0, openTimeoutMs: 5000, onError: (...told) => void seen.errors.push(told) });
  const client = await served.client();
  const ended = closing(client);
  await seen.opened;
  clock.advance(4000);
  expect(client.readyState).toBe(client.OPEN);
  clock.advance(2000);
  expect(await ended).toEqual({ code: 1011, reason: "the server took too long" });
  expect(await seen.closed).toMatchObject({ code: 1011 });
  expect(seen.codes).toEqual(["ERR_OPEN_TIMEOUT"]);
  expect(seen.errors).toMatchObject([[{ code: "ERR_OPEN_TIMEOUT" }, { connection: { subprotocol: "" } }]]);
  expect(served.attachment.count).toBe(0);
});

it("calls close at the deadline when the client has left before, and holds no timer after that", async () => {
  const clock = new FakeClock();
  const seen = watching(never);
  const served = await serve(seen.handler, { clock, openTimeoutMs: 5000, onError: () => {} });
  const client = await served.client();
  const connection = await served.nextConnection();
  client.close(1000);
  await connection.closed;
  expect(served.attachment.count).toBe(0);
  clock.advance(6000);
  expect(await seen.closed).toMatchObject({ code: 1000 });
  expect(clock.pending).toBe(0);
});

it("lets an open that pulls its messages take as long as the client stays", async () => {
  const clock = new FakeClock();
  const seen = watching(async (connection) => {
    for await (const message of connection) connection.send(message);
  });
  const served = await serve(seen.handler, { clock, pingIntervalMs: 0, openTimeoutMs: 5000 });
  const client = await served.client();
  await seen.opened;
  clock.advance(60_000);
  const echo = nextMessage(client);
  client.send("still here");
  expect((await echo).text).toBe("still here");
  client.close(1000);
  expect(await seen.closed).toMatchObject({ code: 1000 });
  expect(seen.codes).toEqual([]);
});

it("waits for ever when it is 0", async () => {
  const clock = new FakeClock();
  const seen = watching(never);
  const served = await serve(seen.handler, { clock, pingIntervalMs: 0, openTimeoutMs: 0 });
  const client = await served.client();
  await seen.opened;
  clock.advance(3_600_000);
  expect(client.readyState).toBe(client.OPEN);
  expect(seen.codes).toEqual([]);
});
