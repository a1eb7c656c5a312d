import type { IncomingStream } from "@upwire/core";
import { wsReaders } from "@upwire/core/adapter";
import { encodeClientFrame, Opcode, WireClient } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { serve } from "../helpers/served.ts";

describe("messages as streams, read by the Receiver of ws", () => {
  it("come beside pings and pongs, and end with the client's close frame", async () => {
    const texts: string[] = [];
    const told: string[] = [];
    const served = await serve(
      {
        async stream(connection, { readable }: IncomingStream) {
          for await (const chunk of readable) texts.push(Buffer.from(chunk).toString());
          connection.send("taken");
        },
        ping: (_connection, data) => void told.push(`ping ${data.toString()}`),
        pong: (_connection, data) => void told.push(`pong ${data.toString()}`),
      },
      { readers: wsReaders() },
    );
    const client = await WireClient.connect({ port: served.port });
    const connection = await served.nextConnection();
    client.sendFrame({ opcode: Opcode.text, payload: "one ", fin: false });
    client.ping("a");
    client.sendFrame({ opcode: Opcode.continuation, payload: "message" });
    client.sendFrame({ opcode: Opcode.pong, payload: "b" });
    expect(await client.nextFrame()).toMatchObject({ opcode: Opcode.pong, payload: Buffer.from("a") });
    expect((await client.nextMessage()).text).toBe("taken");
    await Promise.all([client.close(4000, "done"), connection.closed]);
    expect(connection.closeInfo).toEqual({ code: 4000, reason: "done", wasClean: true });
    expect([texts, told]).toEqual([["one message"], ["ping a", "pong b"]]);
  });

  it("end with the close code of what the client broke", async () => {
    const { port } = await serve({ stream: () => {} }, { readers: wsReaders(), onError: () => {} });
    const client = await WireClient.connect({ port });
    client.sendRaw(encodeClientFrame({ opcode: Opcode.text, rsv: 2, payload: "x" }));
    expect(await client.closed).toMatchObject({ code: 1002 });
  });
});
