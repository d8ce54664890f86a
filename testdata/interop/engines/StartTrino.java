/** Starts the Trino server whose jars are on the class path, as the version that is given. */
class StartTrino {
  public static void main(String[] args) {
    new io.trino.server.Server().start(args[0]);
  }
}
