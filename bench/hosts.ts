/** Benches that need hosts: several share one region. */
import { runCommand } from "../local/run/command";
import { benchFaults } from "./faults";
import { benchGrowth } from "./growth";
import { benchLaunch } from "./launch";
import { BenchRegion } from "./region";
import { goalTable, type Report, tell } from "./report";
import { ReplacedSystem } from "./replaced";
import { benchRequests } from "./requests";
import { benchScaling } from "./scaling";

/** In the order in which they run. */
const benches: Readonly<Record<string, (region: BenchRegion, replaced: ReplacedSystem) => Promise<Report>>> =
  {
    launch: benchLaunch,
    faults: benchFaults,
    requests: benchRequests,
    growth: benchGrowth,
    scaling: benchScaling,
  };
/** Those that compare with the replaced system. */
const compared = ["launch", "faults"];
const replacedSize = 2;

export const hostBenches = Object.keys(benches);

/** Runs some of the benches in a region, tells of each, and ends the process. */
export function benchOnHosts(names: readonly string[]): void {
  runCommand("", () => ({
    help: false,
    isStrict: false,
    async run(circumstances) {
      const region = await BenchRegion.open(circumstances);
      const replaced = new ReplacedSystem(region);
      await region.resize(2);
      if (names.some((name) => compared.includes(name))) await replaced.start(replacedSize);
      const reports: Report[] = [];
      for (const [name, bench] of Object.entries(benches))
        if (names.includes(name)) reports.push(await bench(region, replaced));
      return () => {
        reports.forEach(tell);
        if (reports.length > 1) console.log(`\n${goalTable(reports)}`);
      };
    },
  }));
}
