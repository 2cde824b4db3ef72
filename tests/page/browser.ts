import assert from "node:assert/strict";
import type { AxeResults } from "axe-core";
import { source as axe } from "axe-core";
import { chromium } from "playwright-core";
import type { Browser as Chromium, BrowserContext, Page } from "playwright-core";

/** The narrowest screen that the page is for, in pixels. */
export const narrow = { width: 360, height: 740 };

/** Debian's Chromium. Its sandbox is not for root, and what it loads here is ours. */
export function launch(): Promise<Chromium> {
  return chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
}

/** One person at a browser: pages that share cookies, and everything that the browser complains of. */
export class Person {
  private complaints: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly url: string,
  ) {}

  static async at(browser: Chromium, url: string): Promise<Person> {
    const context = await browser.newContext({
      locale: "en-GB",
      timezoneId: "UTC",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    // As the page's policy forbids any other script.
    await context.addInitScript({ content: axe });
    return new Person(context, url);
  }

  /** Opens the page in a tab. */
  async open(hash = ""): Promise<Page> {
    const page = await this.context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()))
        this.complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.complaints.push(String(error.stack)));
    await page.goto(`${this.url}/${hash}`);
    return page;
  }

  /** Fails if the browser has complained: of the policy, a script, or an answer that was not to be expected. */
  assertNoComplaints(...expected: readonly (number | string)[]): void {
    const isExpected = (complaint: string) =>
      expected.some((one) =>
        complaint.includes(typeof one === "number" ? `responded with a status of ${one} ` : one),
      );
    assert.deepEqual(
      this.complaints.filter((complaint) => !isExpected(complaint)),
      [],
    );
    this.complaints = [];
  }
}

/** Fails unless axe-core finds nothing, in light and dark, and nothing is wider than a narrow screen. */
export async function assertUsable(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const violations = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    });
    assert.deepEqual(violations, [], `${name}, ${colorScheme}`);
  }
  const size = page.viewportSize();
  await page.setViewportSize(narrow);
  const widest = await page.evaluate("document.documentElement.scrollWidth");
  assert.equal(widest, narrow.width, `${name} is wider than ${narrow.width} pixels`);
  if (size) await page.setViewportSize(size);
}
