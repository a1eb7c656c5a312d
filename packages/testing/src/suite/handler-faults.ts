import { ConnectionError, type CloseInfo, type Closure, type ConnectionHandler } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";

function bug(where: string): never {
  throw new Error(`a bug in ${where}`);
}

/** A bug of the application ends one connection, is reported, and nothing else. */
export function handlerFaults(suite: Suite): void {
  const closes = new Channel<CloseInfo>();
  const told = new Channel<string>();
  const close = (_connection: unknown, info: CloseInfo): void => {
    told.push("close");
    closes.push(info);
  };
  const tellWhy = (_connection: unknown, { code }: ConnectionError): void => told.push(code);
  const buggy: Readonly<Record<string, ConnectionHandler>> = {
    "open throws": { open: () => bug("open"), error: tellWhy, close },
    "open rejects": { open: async () => bug("open"), error: tellWhy, close },
    "message throws": { message: () => bug("message"), error: tellWhy, close },
    "message rejects": { message: async () => bug("message"), error: tellWhy, close },
  };

  for (const [index, [title, handler]] of Object.entries(buggy).entries()) {
    const path = `/bug/${index}`;
    suite.route(path, handler);
    suite.it(`closes with 1011 when ${title}, and reports it`, async () => {
      const bystander = await suite.connect("/alive");
      const client = await suite.connect(path);
      client.sendText("go");
      const { code, reason } = await client.closed;
      expect(code).toBe(1011);
      expect(reason).not.toContain("a bug");
      expect(await closes.next()).toMatchObject({ code: 1011 });
      expect([await told.next(), await told.next()]).toEqual(["ERR_HANDLER", "close"]);
      expect(suite.errors).toMatchObject([{ message: `a bug in ${title.split(" ")[0]}` }]);
      bystander.sendText("still here");
      expect((await bystander.nextMessage()).text).toBe("still here");
    });
  }

  const closure: Closure = { code: "ERR_OF_A_LAYER", closeCode: 4403, retry: false, text: "not for you" };
  const layered: Readonly<Record<string, ConnectionHandler>> = {
    "a hook calls fail": { message: (connection) => connection.fail(closure), error: tellWhy, close },
    "a hook throws a closure of its own": {
      message() {
        throw new ConnectionError(closure);
      },
      error: tellWhy,
      close,
    },
  };
  for (const [index, [title, handler]] of Object.entries(layered).entries()) {
    const path = `/closure/${index}`;
    suite.route(path, handler);
    suite.it(`closes with that when ${title}`, async () => {
      const client = await suite.connect(path);
      client.sendText("go");
      expect(await client.closed).toMatchObject({ code: 4403, reason: "not for you" });
      expect(await closes.next()).toMatchObject({ code: 4403 });
      expect([await told.next(), await told.next()]).toEqual(["ERR_OF_A_LAYER", "close"]);
      expect(suite.errors).toEqual([]);
      await suite.expectAlive();
    });
  }

  const reports = new Channel<unknown>();
  const onError = (error: unknown): void => reports.push(error);
  suite.route("/bug/close", { close: () => bug("close") }, { onError });
  suite.route("/bug/close-async", { close: async () => bug("close") }, { onError });
  suite.it("reports it when close throws or rejects", async () => {
    for (const path of ["/bug/close", "/bug/close-async"]) {
      const client = await suite.connect(path);
      expect((await client.close(1000)).code).toBe(1000);
      expect(await reports.next()).toMatchObject({ message: "a bug in close" });
    }
    await suite.expectAlive();
  });

  suite.route("/bug/error", { error: () => bug("error") }, { onError });
  suite.it("reports it when error throws", async () => {
    const client = await suite.connect("/bug/error");
    client.sendFrame({ opcode: 3 });
    expect((await client.closed).code).toBe(1002);
    expect(await reports.next()).toMatchObject({ message: "a bug in error" });
    await suite.expectAlive();
  });

  suite.route("/bug/subprotocols", {}, { subprotocols: () => bug("subprotocols") });
  suite.route("/bug/headers", {}, { headers: () => bug("headers") });
  suite.it("answers 500 when a function among the options throws, and reports it", async () => {
    for (const name of ["subprotocols", "headers"]) {
      suite.errors.length = 0;
      const client = await suite.connect(`/bug/${name}`, { headers: { "Sec-WebSocket-Protocol": "v1" } });
      expect([name, client.status]).toEqual([name, 500]);
      expect(suite.errors).toMatchObject([{ message: `a bug in ${name}` }]);
    }
    await suite.expectAlive();
  });

  const refused = new Channel<string>();
  suite.route("/bug/send", {
    open(connection) {
      for (const value of [undefined, null, 5, {}]) {
        try {
          connection.send(value as never);
        } catch (error) {
          refused.push((error as Error).name);
        }
      }
      connection.send("fine");
    },
  });
  suite.it("throws for what is neither text nor bytes, before anything is sent", async () => {
    const client = await suite.connect("/bug/send");
    expect((await client.nextMessage()).text).toBe("fine");
    expect(refused.size).toBe(4);
    expect(await refused.next()).toBe("TypeError");
  });
}
