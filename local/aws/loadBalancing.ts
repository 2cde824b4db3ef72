import type { Handler, Handlers, Properties } from "../engine/handler";
import { flagOr, nested, nestedList, numberOr, optionalText, text, textList } from "../engine/properties";
import type { ListenerOptions, TargetGroupSettings } from "../machine/balancer/haproxy";
import { portHolder } from "../machine/balancer/ports";
import { TargetGroup } from "../machine/balancer/targetGroup";
import type { Attachment, VpcNetwork } from "../machine/network/vpcNetwork";
import { loopbackAddress } from "../machine/state";
import type { Inventory } from "./inventory";
import { arn, physicalName, randomHex } from "./naming";

const standardPort = 80;
/** Where an HTTP listener goes when another program of the machine has port 80. */
const otherPorts = Array.from({ length: 20 }, (_, index) => 8080 + index);

interface LoadBalancer {
  readonly name: string;
  /** Names its places in the network. */
  readonly label: string;
  /** On the machine: one each, so that each has its listeners' own ports. */
  readonly address: string;
  /** Port on the machine for the listener of port 80. */
  readonly httpPort: number;
  readonly network: VpcNetwork;
  /** Subnet that it reaches its targets from. */
  subnetId: string;
  attachment: Attachment;
  idleTimeout: number;
}

interface Listener {
  readonly balancer: LoadBalancer;
  port: number;
  group: TargetGroup;
}

function targetGroupSettings(inputs: Properties): TargetGroupSettings {
  const check = nested(inputs, "healthCheck");
  const port = numberOr(inputs, "port", 80);
  const checkPort = optionalText(check, "port") ?? "traffic-port";
  // Defaults: Elastic Load Balancing's own for HTTP target groups.
  return {
    port,
    deregistrationDelay: numberOr(inputs, "deregistrationDelay", 300),
    healthCheck: {
      path: optionalText(check, "path") ?? "/",
      port: checkPort === "traffic-port" ? port : Number(checkPort),
      matcher: optionalText(check, "matcher") ?? "200",
      interval: numberOr(check, "interval", 30),
      timeout: numberOr(check, "timeout", 5),
      healthyThreshold: numberOr(check, "healthyThreshold", 5),
      unhealthyThreshold: numberOr(check, "unhealthyThreshold", 2),
    },
  };
}

/** The load balancer, its target groups and its listeners: HAProxy, reached at a loopback address of the machine. */
export function loadBalancingHandlers(inventory: Inventory): Handlers {
  const balancers = new Map<string, LoadBalancer>();
  const listeners = new Map<string, Listener>();
  let count = 0;

  const listenerOptions = (balancer: LoadBalancer, port: number): ListenerOptions => ({
    name: `${balancer.name}-${port}`,
    address: balancer.address,
    port: port === standardPort ? balancer.httpPort : port,
    namespace: balancer.attachment.namespace,
    idleTimeout: balancer.idleTimeout,
  });

  /** Gives the balancer a place in another of its subnets, before the one that it has goes away. */
  async function move(balancer: LoadBalancer, subnetId: string, groupIds: readonly string[]) {
    const { network, attachment: old, subnetId: oldSubnetId, label } = balancer;
    balancer.attachment = await network.attach(`${label}-${subnetId}`, {
      address: network.takeAddress(subnetId),
      groupIds,
      isPublic: true,
    });
    balancer.subnetId = subnetId;
    return async () => {
      await network.detach(old);
      network.releaseAddress(oldSubnetId, old.address);
    };
  }

  const loadBalancer: Handler = {
    async create(request) {
      const { inputs, region } = request;
      const name = physicalName(request, 32);
      const [subnetId] = textList(inputs, "subnets");
      if (subnetId === undefined) throw new Error("a load balancer needs subnets");
      const network = inventory.networkOf(subnetId);
      const number = ++count;
      const address = loopbackAddress(number);
      const suffix = `app/${name}/${randomHex(16)}`;
      const id = arn("elasticloadbalancing", region, `loadbalancer/${suffix}`);
      let httpPort = standardPort;
      if ((await portHolder(address, standardPort)) !== undefined) {
        const free = await Promise.all(otherPorts.map((port) => portHolder(address, port)));
        httpPort = otherPorts[free.indexOf(undefined)] ?? standardPort;
      }
      const label = `alb${number}`;
      const attachment = await network.attach(label, {
        address: network.takeAddress(subnetId),
        groupIds: textList(inputs, "securityGroups"),
        isPublic: true,
      });
      const idleTimeout = numberOr(inputs, "idleTimeout", 60);
      balancers.set(id, { name, label, address, httpPort, network, subnetId, attachment, idleTimeout });
      return {
        id,
        outputs: {
          arn: id,
          arnSuffix: suffix,
          name,
          dnsName: httpPort === standardPort ? address : `${address}:${httpPort}`,
          zoneId: "Z35SXDOTRQ7X7K",
          vpcId: network.id,
        },
      };
    },
    read: (id, state) => Promise.resolve(balancers.has(id) ? { id, outputs: state } : undefined),
    async update(id, _state, { inputs }) {
      const balancer = inventory.find("load balancer", balancers, id);
      const groupIds = textList(inputs, "securityGroups");
      const subnetIds = textList(inputs, "subnets");
      const [first = balancer.subnetId] = subnetIds;
      const idleTimeout = numberOr(inputs, "idleTimeout", 60);
      let leave: (() => Promise<void>) | undefined;
      if (subnetIds.includes(balancer.subnetId))
        await balancer.network.setGroups(balancer.attachment, groupIds);
      else leave = await move(balancer, first, groupIds);
      if (leave || idleTimeout !== balancer.idleTimeout) {
        balancer.idleTimeout = idleTimeout;
        for (const { group, port } of [...listeners.values()].filter((own) => own.balancer === balancer))
          await group.relisten(listenerOptions(balancer, port));
      }
      await leave?.();
      return { id, outputs: {} };
    },
    async delete(id, state) {
      const gone = balancers.get(id);
      if (gone && flagOr(state, "enableDeletionProtection", false))
        throw new Error(`OperationNotPermitted: ${id} can't be deleted while enableDeletionProtection is on`);
      await gone?.network.detach(gone.attachment);
      gone?.network.releaseAddress(gone.subnetId, gone.attachment.address);
      balancers.delete(id);
    },
  };

  const targetGroup: Handler = {
    create(request) {
      const name = physicalName(request, 32);
      const suffix = `targetgroup/${name}/${randomHex(16)}`;
      const id = arn("elasticloadbalancing", request.region, suffix);
      inventory.targetGroups.set(
        id,
        new TargetGroup(inventory.state, targetGroupSettings(request.inputs), inventory.onFault),
      );
      return Promise.resolve({ id, outputs: { arn: id, arnSuffix: suffix, name } });
    },
    read: (id, state) => Promise.resolve(inventory.targetGroups.has(id) ? { id, outputs: state } : undefined),
    async update(id, _state, { inputs }) {
      await inventory.find("target group", inventory.targetGroups, id).configure(targetGroupSettings(inputs));
      return { id, outputs: {} };
    },
    delete(id) {
      if ([...listeners.values()].some(({ group }) => group === inventory.targetGroups.get(id)))
        throw new Error(`ResourceInUse: a listener forwards to ${id}`);
      inventory.targetGroups.delete(id);
      return Promise.resolve();
    },
  };

  const forwardedTo = (inputs: Properties): TargetGroup => {
    const [action] = nestedList(inputs, "defaultActions");
    const protocol = optionalText(inputs, "protocol") ?? "HTTP";
    if (protocol !== "HTTP" || !action || text(action, "type") !== "forward")
      throw new Error(
        "the local region's balancer has HTTP listeners that forward: set allowHttp and no certificate",
      );
    return inventory.find("target group", inventory.targetGroups, text(action, "targetGroupArn"));
  };
  const listener: Handler = {
    async create({ inputs }) {
      const group = forwardedTo(inputs);
      const balancerArn = text(inputs, "loadBalancerArn");
      const balancer = inventory.find("load balancer", balancers, balancerArn);
      const port = numberOr(inputs, "port", standardPort);
      await group.listen(listenerOptions(balancer, port));
      const id = `${balancerArn.replace(":loadbalancer/", ":listener/")}/${randomHex(16)}`;
      listeners.set(id, { balancer, port, group });
      return { id, outputs: { arn: id } };
    },
    read: (id, state) => Promise.resolve(listeners.has(id) ? { id, outputs: state } : undefined),
    async update(id, _state, { inputs }) {
      const listener = inventory.find("listener", listeners, id);
      const { balancer, group: old } = listener;
      const [group, port] = [forwardedTo(inputs), numberOr(inputs, "port", standardPort)];
      const options = listenerOptions(balancer, port);
      if (group !== old) {
        await group.takeOver(options);
        await old.unlisten();
      } else if (port !== listener.port) await group.relisten(options);
      Object.assign(listener, { group, port });
      return { id, outputs: {} };
    },
    async delete(id) {
      await listeners.get(id)?.group.unlisten();
      listeners.delete(id);
    },
  };

  /** A host that no auto scaling group registers. */
  const attachment: Handler = {
    create({ inputs }) {
      const [group, id] = [text(inputs, "targetGroupArn"), text(inputs, "targetId")];
      const { privateIp } = inventory.find("instance", inventory.instances, id);
      inventory.find("target group", inventory.targetGroups, group).register(id, privateIp);
      return Promise.resolve({ id: `${group}-${id}`, outputs: {} });
    },
    read: (id, state) => {
      const targets = inventory.targetGroups.get(text(state, "targetGroupArn"))?.describe() ?? [];
      const isThere = targets.some(({ targetId }) => targetId === state["targetId"]);
      return Promise.resolve(isThere ? { id, outputs: state } : undefined);
    },
    update: (id) => Promise.resolve({ id, outputs: {} }),
    async delete(_id, state) {
      const id = text(state, "targetId");
      const group = inventory.targetGroups.get(text(state, "targetGroupArn"));
      await (inventory.instances.get(id)?.isRunning === true ? group?.deregister(id) : group?.drop(id));
    },
  };

  return {
    "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
    "aws:lb/targetGroup:TargetGroup": targetGroup,
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": attachment,
    "aws:lb/listener:Listener": listener,
  };
}
