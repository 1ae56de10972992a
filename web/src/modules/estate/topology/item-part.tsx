import { Connections } from './connections';

export default Connections;
