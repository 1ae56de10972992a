import { clusters, type Graph, layers } from './layout';

self.onmessage = (m: MessageEvent<{ id: number; layered: boolean; graph: Graph }>) => {
  const { id, layered, graph } = m.data;
  const t = performance.now();
  const xy = layered ? layers(graph) : clusters(graph);
  postMessage({ id, xy, ms: performance.now() - t });
};
