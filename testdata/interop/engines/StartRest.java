package org.apache.iceberg.rest;

import java.net.InetSocketAddress;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.CatalogUtil;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;

/**
 * The REST catalog with which Iceberg tests itself, on 127.0.0.1 only. It is given the port and then
 * the properties of the catalog behind it, as name=value.
 */
public final class StartRest {
  private StartRest() {}

  public static void main(String[] args) throws Exception {
    Map<String, String> properties = new TreeMap<>();
    for (int i = 1; i < args.length; i++) {
      String[] property = args[i].split("=", 2);
      properties.put(property[0], property[1]);
    }
    var catalog = CatalogUtil.buildIcebergCatalog("behind", properties, new Configuration());
    var adapter = new RESTServerCatalogAdapter(new RESTCatalogServer.CatalogContext(catalog, properties));
    var context = new ServletContextHandler();
    context.addServlet(new ServletHolder(new RESTCatalogServlet(adapter)), "/*");
    var server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    server.setHandler(context);
    server.start();
    server.join();
  }
}
