import { it } from "vitest";
import { World } from "./world.ts";
it("dbg", async () => {
  const world = new World({ seed: 1, broker: "memory", plant: {} });
  const wire = await world.process.openWitness();
  wire.send(JSON.stringify({ type: "upwire.subscribe", id: 1, topic: "plain:1" }));
  for (let i = 0; i < 10; i++) { await world.pass(10); console.log(wire.take(), wire.closedWith); }
});
