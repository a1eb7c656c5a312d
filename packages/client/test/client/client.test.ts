import { describe, expect, it } from "vitest";
import { Fixture } from "../helpers/fixture.ts";

describe("a client", () => {
  it("is open after hello, and subscribes before it sends what waited", async () => {
    const { client, network } = new Fixture();
    const states: string[] = [];
    client.onStatus(({ state }) => states.push(state));
    client.send("typing", { on: true });
    const reply = client.request("rename", { to: "x" });
    const room = client.topic("room:{room}", { room: "tea" });
    room.on("message", () => {});
    const socket = await network.dialled();
    expect([socket.url, socket.protocols]).toEqual(["ws://server.test/ws", ["upwire.v1"]]);
    socket.accept();
    expect([client.status.state, socket.sent]).toEqual(["connecting", []]);
    socket.hello();
    expect([client.status.state, client.connectionId, states]).toEqual(["open", "c1", ["open"]]);
    expect(socket.sent).toMatchObject([
      { type: "upwire.subscribe", topic: "room:tea" },
      { type: "typing", payload: { on: true } },
      { type: "rename", payload: { to: "x" } },
    ]);
    socket.message({ re: socket.frames("rename")[0]?.["id"], payload: { done: true } });
    expect(await reply).toEqual({ done: true });
  });
});
