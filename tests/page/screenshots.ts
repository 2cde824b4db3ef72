/** `npm run screenshots`: pictures of the page of a local region, for the documents. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { checkMachine, installPackages, missingPackages, requiredPackages } from "../../local/run/preflight";
import { root } from "../support/regionProcess";
import { launch, narrow } from "./browser";
import { addTask, signIn, signUp } from "./days";
import { PageRegion } from "./region";

const folder = join(root, "docs", "images");
/** The page's font, so that the pictures are the same wherever they are made. */
const packages = [...requiredPackages, "chromium", "fonts-inter"];
const wide = { width: 900, height: 620 };

async function open(
  browser: Browser,
  url: string,
  viewport: { width: number; height: number },
  colorScheme: "light" | "dark",
): Promise<Page> {
  const context = await browser.newContext({
    viewport,
    colorScheme,
    deviceScaleFactor: 2,
    locale: "en-GB",
    timezoneId: "UTC",
  });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  // Without a focus ring and a hovered button.
  await page.mouse.move(0, 0);
  await page.evaluate("document.activeElement.blur()");
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
  console.log(`docs/images/${name}.png`);
}

async function userPictures(browser: Browser, url: string): Promise<void> {
  const page = await open(browser, url, wide, "light");
  const login = await signUp(page, "ada");
  for (const title of [
    "Renew the passport",
    "Call Grace about the compiler",
    "Book the ferry",
    "Water the tulips",
  ])
    await addTask(page, title);
  await page.getByRole("checkbox", { name: "Book the ferry" }).check();
  await page.locator(".task.done").waitFor();
  await picture(page, "tasks");

  const phone = await open(browser, url, narrow, "dark");
  await signIn(phone, login);
  await phone.locator(".task.done").waitFor();
  await picture(phone, "tasks-phone");
  const stranger = await open(browser, `${url}/#/signup`, narrow, "light");
  await stranger.getByRole("heading", { name: "Sign up" }).waitFor();
  await picture(stranger, "sign-up-phone");
}

async function administratorPictures(browser: Browser, region: PageRegion): Promise<void> {
  const page = await open(browser, region.url, { ...wide, height: 900 }, "dark");
  await signIn(page, region.administrator.login, region.administrator.password);
  await page.getByRole("link", { name: "Fleet" }).click();
  await page.getByRole("spinbutton", { name: "Desired size" }).fill("3");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("3 of 3 hosts in service").first().waitFor({ timeout: 300_000 });
  await page.getByRole("list", { name: "Changes of the desired size" }).waitFor();
  await picture(page, "fleet");
}

async function main(): Promise<void> {
  checkMachine();
  const missing = await missingPackages(packages);
  if (missing.length > 0) await installPackages(missing);
  mkdirSync(folder, { recursive: true });
  const region = await PageRegion.start();
  try {
    const browser = await launch();
    try {
      await userPictures(browser, region.url);
      await administratorPictures(browser, region);
    } finally {
      await browser.close();
    }
  } finally {
    await region.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
