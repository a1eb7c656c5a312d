import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate } from "../../tools/certificate.mjs";
import { demoNames } from "../../tools/demos.mjs";
import { startOne, type Launched } from "../../tools/launcher.mjs";
import { ChatTab, useBrowser } from "./browser.ts";
import { Client } from "./client.ts";

const host = "127.0.0.1";

describe.each(demoNames)("the %s demo with TLS", (name) => {
  const newContext = useBrowser();
  let launched: Launched;
  let url: string;
  let port: number;

  beforeAll(async () => {
    launched = await startOne(name, { host, port: 0, tls: await makeCertificate(host) });
    ({ url, port } = launched.demos[0]!);
  });
  afterAll(() => launched.close());

  it("serves a wss client and a browser on https", async () => {
    expect(url).toBe(`https://${host}:${port}`);
    const context = await newContext();
    const client = await Client.connect(`wss://${host}:${port}/ws`, { rejectUnauthorized: false });
    const tab = await ChatTab.open(context, url);
    await tab.send("over tls");
    expect(await client.receive("over tls")).toMatch(/^127\.0\.0\.1:\d+ echo: over tls$/);
    client.send("from the client");
    await tab.saw("client", "from the client");
    await context.close();
    client.close();
  });

  it("refuses the same host over http as an origin", async () => {
    const connecting = Client.connect(`wss://${host}:${port}/ws`, { rejectUnauthorized: false, origin: `http://${host}:${port}` });
    await expect(connecting).rejects.toThrow("Unexpected server response: 403");
  });
});
