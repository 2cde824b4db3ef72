import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { cutPower } from "../../local/faults/onHost";
import { eventually } from "../support/eventually";
import { launch, Person } from "./browser";
import { addTask, days, signUp, titles } from "./days";
import { PageRegion } from "./region";

describe("the page of a local region", () => {
  let region: PageRegion;
  before(async () => {
    region = await PageRegion.start();
  });
  after(() => region.stop());

  days(() => region);

  it("goes on while a host is killed and replaced, and makes each task once", async () => {
    const browser = await launch();
    try {
      const person = await Person.at(browser, region.url);
      const page = await person.open();
      await signUp(page);
      await addTask(page, "Task 0");
      const before = await region.webHosts();
      const [victim] = before;
      cutPower(victim!);
      const wanted = ["Task 0"];
      for (let number = 1; number <= 20; number++) {
        await addTask(page, `Task ${number}`);
        wanted.unshift(`Task ${number}`);
      }
      await page.reload();
      await page.getByRole("checkbox", { name: "Task 20" }).waitFor();
      assert.deepEqual(await titles(page), wanted);
      await eventually("another host in its place", async () => {
        const hosts = await region.webHosts();
        return hosts.length === before.length && !hosts.includes(victim!);
      });
      person.assertNoComplaints(502, 503, 504, "ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_TIMED_OUT");
    } finally {
      await browser.close();
    }
  });
});
