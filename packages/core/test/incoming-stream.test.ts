import { expect, it } from "vitest";
import { closing, event, serve } from "./served.ts";

it("gives a message as a stream, and the next one after it", async () => {
  const got: string[] = [];
  const served = await serve({
    async stream(connection, { readable, isBinary }) {
      let text = "";
      for await (const chunk of readable) text += Buffer.from(chunk).toString();
      got.push(`${isBinary} ${text.length}`);
      connection.send(`${text.length}`);
    },
  }, { compression: true });
  const client = await served.client();
  const next = (): Promise<string> => new Promise((resolve) => client.once("message", (data) => resolve((data as Buffer).toString())));
  for (const size of [1, 100, 70_000, 1_000_000, 3_000_000]) {
    for (const compress of [true, false]) {
      const answer = next();
      client.send("ä".repeat(size), { compress });
      expect(await answer).toBe(`${size}`);
    }
  }
  expect(got).toHaveLength(10);
  const pong = event(client, "pong");
  client.ping("x");
  await pong;
  const closed = closing(client);
  client.close(1000);
  expect((await closed).code).toBe(1000);
});
