import { transportSuite } from "../testing/transport-suite.js";

transportSuite("grpc-js");
